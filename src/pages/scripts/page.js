/** Every page works without this file: it shows passwords, tells of Caps Lock, copies and prints. */
const $ = (selector, act) => document.querySelectorAll(selector).forEach(act)

$('.peek', (button) => {
  const input = document.getElementById(button.getAttribute('aria-controls'))
  button.hidden = false
  button.addEventListener('click', () => {
    const isShown = input.type === 'password'
    input.type = isShown ? 'text' : 'password'
    button.setAttribute('aria-pressed', String(isShown))
    input.focus()
  })
  // Browsers keep what a text field held; a password is none of that.
  input.form?.addEventListener('submit', () => {
    input.type = 'password'
  })
  const caps = input.closest('.field').querySelector('[data-caps]')
  const look = (event) => {
    if (event.getModifierState) caps.hidden = !event.getModifierState('CapsLock')
  }
  input.addEventListener('keydown', look)
  input.addEventListener('keyup', look)
  input.addEventListener('blur', () => {
    caps.hidden = true
  })
})

// Screen readers are told when a new password is long enough.
$('[data-least]', (field) => {
  const says = field.querySelector('[data-short]')
  const { short, enough } = says.dataset
  field.querySelector('input').addEventListener('input', ({ target }) => {
    const isEnough = [...target.value].length >= Number(field.dataset.least)
    const text = target.value === '' ? '' : isEnough ? enough : short
    if (says.textContent !== text) says.textContent = text
  })
})

$('[data-copy]', (button) => {
  if (!navigator.clipboard) return
  const says = button.textContent
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy)
    button.textContent = button.dataset.copied
    setTimeout(() => {
      button.textContent = says
    }, 2000)
  })
})

$('[data-print]', (button) => {
  button.hidden = false
  button.addEventListener('click', () => window.print())
})

// A form is sent once, however often its button is pressed. The page may come back from the browser's history.
$('form', (form) => {
  let isSent = false
  form.addEventListener('submit', (event) => {
    if (isSent) event.preventDefault()
    isSent = true
  })
  addEventListener('pageshow', () => {
    isSent = false
  })
})
