/**
 * The one style sheet. Everything is told in logical directions and in `rem`, so that a page follows the script and the
 * size of text that the person has chosen. Light and dark, 320 pixels and up, forced colours, reduced motion, print.
 */
import { tonesOf } from './colour.ts'

export const DEFAULT_COLOUR = '#0a6c5c'

/** The surfaces that the tones of the operator's colour have to stand out from. */
const LIGHT = { page: '#f3f2ee', card: '#ffffff' }
const DARK = { page: '#101215', card: '#191c21', raised: '#21252b' }

/** @param colour of the operator, `#rrggbb` */
export function styleOf(colour: string = DEFAULT_COLOUR): string {
  return `${tokens(colour)}${SHEET}`.replaceAll(/\n\s*/g, '\n')
}

const brand = (colour: string, background: string): string => {
  const { fill, strong, onFill, text } = tonesOf(colour, background)
  return `--fill:${fill};--strong:${strong};--on:${onFill};--accent:${text}`
}

const tokens = (colour: string): string => `:root{
  color-scheme:light dark;${brand(colour, LIGHT.page)};
  --page:${LIGHT.page};--card:${LIGHT.card};--raised:#f7f6f3;--ink:#1a1c20;--soft:#575c66;--line:#e0dfda;--edge:#858a94;
  --bad:#a3160e;--bad-back:#fdeeec;--bad-line:#efc4bf;--care:#6b4a00;--care-back:#fdf5e0;--care-line:#ecd9a4;--good:#17603a;--good-back:#e9f5ee;--good-line:#bfe0cd;
  --shadow:0 1px 2px #1a1c2014,0 12px 40px -12px #1a1c2026
}
@media (prefers-color-scheme:dark){:root{
  ${brand(colour, DARK.raised)};
  --page:${DARK.page};--card:${DARK.card};--raised:${DARK.raised};--ink:#eceef1;--soft:#a5acb8;--line:#2d323a;--edge:#767e8c;
  --bad:#ffb4ab;--bad-back:#3a1b19;--bad-line:#6b2f2a;--care:#f2cf7a;--care-back:#322812;--care-line:#5e4d20;--good:#9fdcb9;--good-back:#15301f;--good-line:#2a5a3d;
  --shadow:0 0 0 1px #2d323a,0 16px 48px -16px #000c
}}
`

const SHEET = `
*,::before,::after{box-sizing:border-box}
html{font:100%/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","PingFang SC","Microsoft YaHei",sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;color:var(--ink);background:var(--page);overflow-wrap:anywhere}
@supports (color:color-mix(in srgb,red,blue)){body{background:radial-gradient(70rem 28rem at 50% -12rem,color-mix(in srgb,var(--fill) 20%,transparent),transparent) no-repeat var(--page)}}
h1,h2,h3,p,ul,ol,dl,dd,figure,form{margin:0;padding:0}
ul,ol{list-style:none}
h1{hyphens:auto;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.014em;text-wrap:balance}
h2{font-size:1.0625rem;line-height:1.35;font-weight:620}
a{color:var(--accent);text-underline-offset:.2em;text-decoration-thickness:.07em}
a:hover{text-decoration-thickness:.14em}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
:where(a,summary):focus-visible{border-radius:.375rem}
[hidden]{display:none!important}
svg{display:block;flex:none}
.icon{inline-size:1.25rem;block-size:1.25rem;fill:none;stroke:currentColor;stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round}
.soft{color:var(--soft)}
.small{font-size:.875rem}
.unseen{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.jump{position:absolute;inset-inline-start:.5rem;inset-block-start:-6rem;z-index:2;padding:.75rem 1rem;border-radius:.75rem;background:var(--card);box-shadow:var(--shadow)}
.jump:focus{inset-block-start:.5rem}
.mark{display:inline-flex;align-items:center;justify-content:center;inline-size:2rem;block-size:2rem;border-radius:.6rem;background:var(--fill);color:var(--on);font-weight:700;flex:none;font-size:1.0625rem;line-height:1}
.mark .icon{inline-size:1.25rem;block-size:1.25rem}
.brand{display:inline-flex;align-items:center;gap:.625rem;min-block-size:2.75rem;font-weight:620;color:var(--ink);text-decoration:none;letter-spacing:-.01em}
.brand img{block-size:2rem;max-inline-size:10rem;object-fit:contain}
.gate{flex:1;display:flex;flex-direction:column;align-items:center;justify-content:center;padding:2rem 1rem;gap:1.25rem}
.card{inline-size:100%;max-inline-size:25rem;padding:2.25rem 2.25rem 2rem;border-radius:1.25rem;background:var(--card);box-shadow:var(--shadow)}
.card.roomy{max-inline-size:28rem}
.lead{display:flex;flex-direction:column;align-items:center;gap:.5rem;margin-block-end:1.5rem;text-align:center}
.lead .tile{margin-block-end:.5rem}
.tile{display:flex;align-items:center;justify-content:center;inline-size:3.5rem;block-size:3.5rem;border-radius:1rem;background:var(--raised);border:1px solid var(--line);color:var(--accent);font-size:1.5rem;font-weight:650;line-height:1;flex:none}
.tile .icon{inline-size:1.75rem;block-size:1.75rem}
.tile.round{border-radius:50%;background:var(--fill);border-color:transparent;color:var(--on)}
.tile.small-tile{inline-size:2.75rem;block-size:2.75rem;border-radius:.8rem;font-size:1.125rem}
.tile.small-tile.round{border-radius:50%}
.tile.small-tile .icon{inline-size:1.375rem;block-size:1.375rem}
.tile.bad{color:var(--bad);background:var(--bad-back);border-color:var(--bad-line)}
.tile.good{color:var(--good);background:var(--good-back);border-color:var(--good-line)}
.stack{display:flex;flex-direction:column;gap:1rem}
.stack.tight{gap:.75rem}
.field{display:flex;flex-direction:column;gap:.375rem}
label,.label{font-size:.9375rem;font-weight:560}
label .soft{font-weight:400}
input,select,.button,button{font:inherit}
.input{inline-size:100%;min-block-size:3rem;padding:.625rem .875rem;border:1px solid var(--edge);border-radius:.75rem;background:var(--card);color:var(--ink)}
.input:focus-visible{outline-offset:0;border-color:var(--accent)}
.input[aria-invalid=true]{border-color:var(--bad);border-width:2px}
.input[readonly]{background:var(--raised);border-color:var(--line)}
.input:is(select){appearance:none;padding-inline-end:2.5rem;background:linear-gradient(45deg,transparent 50%,var(--soft) 50%) right 1.125rem center/.375rem .375rem no-repeat,linear-gradient(-45deg,transparent 50%,var(--soft) 50%) right .75rem center/.375rem .375rem no-repeat,var(--card);text-overflow:ellipsis}
.input.code{font-size:1.375rem;letter-spacing:.2em;text-align:center;font-variant-numeric:tabular-nums}
.input.recovery{letter-spacing:.05em;font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace}
.secret{position:relative}
.secret .input{padding-inline-end:3.25rem}
.peek{position:absolute;inset-block:.125rem;inset-inline-end:.125rem;inline-size:2.75rem;display:grid;place-items:center;padding:0;border:0;border-radius:.65rem;background:none;color:var(--soft);cursor:pointer}
.peek:hover{color:var(--ink)}
.peek[aria-pressed=true]{color:var(--accent)}
.peek[aria-pressed=true] .lid{display:none}
.hint{font-size:.875rem;color:var(--soft)}
.wrong{font-size:.875rem;color:var(--bad);font-weight:560}
.check{display:flex;align-items:center;gap:.625rem;min-block-size:2.75rem;font-weight:400;cursor:pointer}
.check input{inline-size:1.25rem;block-size:1.25rem;margin:0;accent-color:var(--fill);flex:none}
.button{display:inline-flex;align-items:center;justify-content:center;gap:.5rem;min-block-size:3rem;padding:.625rem 1.25rem;border:1px solid transparent;border-radius:.75rem;background:var(--fill);color:var(--on);font-weight:600;text-decoration:none;text-align:center;cursor:pointer}
.button:hover{background:var(--strong)}
.button.quiet{background:var(--card);color:var(--ink);border-color:var(--edge)}
.button.quiet:hover{background:var(--raised)}
.button.plain{background:none;color:var(--accent);font-weight:560}
.button.plain:hover{text-decoration:underline;text-underline-offset:.2em}
.button.bad{background:none;color:var(--bad);border-color:var(--bad-line)}
.button.bad:hover{background:var(--bad-back)}
.button.low{min-block-size:2.75rem;padding:.5rem 1rem;font-size:.9375rem}
.wide{inline-size:100%}
.pair{display:flex;flex-wrap:wrap;gap:.75rem}
.pair .button{flex:1 1 calc(50% - .375rem);min-inline-size:fit-content;padding-inline:.5rem}
.row{display:flex;flex-wrap:wrap;align-items:center;gap:.75rem}
.nowrap{flex-wrap:nowrap}
.grow{flex:1;min-inline-size:0}
.or{display:flex;align-items:center;gap:.875rem;color:var(--soft);font-size:.875rem;margin-block:1.25rem}
.or::before,.or::after{content:"";flex:1;border-block-start:1px solid var(--line)}
.or.flush{margin:0}
.links{display:flex;flex-wrap:wrap;align-items:center;justify-content:center;gap:0 .625rem;margin-block-start:1rem;font-size:.9375rem;text-align:center}
.links a,.links summary{display:inline-flex;align-items:center;min-block-size:2.75rem}
details>summary{cursor:pointer;color:var(--accent);list-style:none;min-block-size:2.75rem;display:inline-flex;align-items:center;gap:.375rem}
details>summary::-webkit-details-marker{display:none}
details>summary:hover{text-decoration:underline;text-underline-offset:.2em}
.between{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:flex-start;gap:0 1rem}
.between>a{display:inline-flex;align-items:center;min-block-size:2.75rem;font-size:.9375rem}
.forgot{font-size:.9375rem}
.forgot[open]{flex-basis:100%}
.alert,.notice{display:flex;gap:.625rem;padding:.75rem .875rem;border:1px solid var(--bad-line);border-radius:.75rem;background:var(--bad-back);color:var(--bad);font-size:.9375rem}
.alert .icon,.notice .icon{margin-block-start:.125rem}
.notice{border-color:var(--good-line);background:var(--good-back);color:var(--good)}
.alert.calm{border-color:var(--care-line);background:var(--care-back);color:var(--care)}
.notice.plain{border-color:var(--line);background:var(--raised);color:var(--ink)}
.who{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .75rem;padding:.625rem .75rem;text-align:start}
.who,.asked::before{border:1px solid var(--line);border-radius:.875rem;background:var(--raised)}
.who>:nth-child(2){flex:1 1 auto;min-inline-size:0;max-inline-size:calc(100% - 3.5rem)}
.who strong{display:block;font-weight:600}
.asked{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:1rem .25rem}
.asked>*{grid-column:1/-1}
.asked::before{content:"";grid-area:1/1/2/-1}
.asked>.who{grid-area:1/1;border-color:transparent;background:none}
.asked>.button{grid-area:1/2;align-self:center;margin-inline-end:.75rem;padding-inline:.375rem}
.asked>.pair>:first-child{order:1}
.wants{display:flex;flex-direction:column;gap:.75rem}
.wants li{display:flex;gap:.625rem}
.wants .icon{color:var(--accent);margin-block-start:.125rem}
.facts{padding-block-start:1rem;border-block-start:1px solid var(--line);text-align:center;font-size:.8125rem;color:var(--soft)}
.facts dd,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
.fours{user-select:all;-webkit-user-select:all}
.fours span{margin-inline-end:.75ch;white-space:nowrap}
.box{padding:.75rem .875rem;border:1px solid var(--line);border-radius:.75rem;background:var(--raised);font-size:.9375rem}
.qr{display:grid;place-items:center;padding:1rem;border-radius:1rem;background:#fff;border:1px solid var(--line)}
.qr svg{inline-size:min(100%,13rem);block-size:auto;forced-color-adjust:none}
.codes{display:grid;grid-template-columns:1fr 1fr;gap:.5rem;counter-reset:code}
.codes li{padding:.5rem;border-radius:.6rem;background:var(--raised);border:1px solid var(--line);text-align:center;font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;font-size:1rem;letter-spacing:.02em}
.foot{padding:1rem 1rem 1.5rem;display:flex;flex-wrap:wrap;justify-content:center;gap:0 1.5rem;font-size:.875rem}
.foot a{display:inline-flex;align-items:center;min-block-size:2.75rem;color:var(--soft)}
.bar{border-block-end:1px solid var(--line);background:var(--card)}
.bar>div{display:flex;align-items:center;gap:0 .75rem;max-inline-size:66rem;margin-inline:auto;padding:.5rem 1.25rem}
.bar .brand{min-inline-size:0;margin-inline-end:auto}
.bar .button{white-space:nowrap;padding-inline:.5rem;margin-inline-end:-.5rem}
.bar .brand>span,.bar .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.bar .name{flex-shrink:9999;min-inline-size:0}
.bar form{flex:none}
.house{flex:1;inline-size:100%;max-inline-size:66rem;margin-inline:auto;padding:1.25rem 1.25rem 3rem}
.rooms{display:none}
.rooms a{display:flex;align-items:center;gap:.75rem;min-block-size:2.75rem;padding:.375rem .75rem;border-radius:.7rem;color:var(--soft);text-decoration:none;font-weight:520}
.rooms a:hover{background:var(--raised);color:var(--ink)}
.rooms a[aria-current]{background:var(--card);color:var(--ink);box-shadow:0 0 0 1px var(--line)}
.rooms a[aria-current] .icon{color:var(--accent)}
.home{display:inline-flex;align-items:center;gap:.25rem;min-block-size:2.75rem;text-decoration:none;font-weight:560;margin-inline-start:-.25rem}
.room{min-inline-size:0;display:flex;flex-direction:column;gap:1.25rem}
.room>header{display:flex;flex-direction:column;gap:.375rem}
.room h1{font-size:1.75rem}
.room.hello>header{flex-direction:row;align-items:center;gap:1rem}
.panel{border:1px solid var(--line);border-radius:1.125rem;background:var(--card)}
.panel.padded,.panel>.padded{padding:1.25rem}
.panel>li+li,.panel>.padded+.padded{border-block-start:1px solid var(--line)}
.item{display:flex;align-items:center;gap:.875rem;min-block-size:4rem;padding:.75rem 1.125rem}
.item strong{display:block;font-weight:600}
.item p,.item .hint{display:block;color:var(--soft);font-size:.9375rem}
a.item{color:inherit;text-decoration:none}
.panel>li:first-child>a.item{border-start-start-radius:1.0625rem;border-start-end-radius:1.0625rem}
.panel>li:last-child>a.item{border-end-start-radius:1.0625rem;border-end-end-radius:1.0625rem}
a.item:hover{background:var(--raised)}
a.item>.icon:last-child{color:var(--soft)}
[dir=rtl] .flip{transform:scaleX(-1)}
.item.top{align-items:flex-start}
.item.top>form{align-self:center}
.item p+p{margin-block-start:.125rem}
.tag{display:inline-block;padding:.0625rem .5rem;border-radius:1rem;border:1px solid var(--good-line);background:var(--good-back);color:var(--good);font-size:.8125rem;font-weight:560;max-inline-size:100%}
.tag.dim{border-color:var(--line);background:var(--raised);color:var(--soft)}
.tags{display:flex;flex-wrap:wrap;gap:.375rem;margin-block-start:.25rem}
.two{display:grid;gap:1rem}
.narrow{max-inline-size:26rem}
.told>div{display:grid;gap:0 1rem}
.told dt{color:var(--soft);font-size:.875rem}
.split{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:.75rem}
.split>p{flex:1 1 16rem}
.steps{counter-reset:step;gap:1.75rem}
.steps>li>p:first-child{display:flex;gap:.625rem;font-weight:560}
.steps>li>p:first-child::before{counter-increment:step;content:counter(step);flex:none;inline-size:1.5rem;block-size:1.5rem;border-radius:50%;background:var(--fill);color:var(--on);font-size:.875rem;line-height:1.5rem;text-align:center}
.box.row{justify-content:space-between}
[data-secret]{letter-spacing:.06em}
.time{color:var(--soft);font-size:.875rem;white-space:nowrap}
.rename{margin-block-start:.375rem}
.rename form{display:flex;gap:.5rem;padding-block:.25rem .5rem}
.rename .input{min-block-size:2.75rem}
@media (min-width:40rem){.two{grid-template-columns:1fr 1fr}.told>div{grid-template-columns:8rem 1fr;align-items:baseline}}
@media (min-width:52rem){
  .house{display:grid;grid-template-columns:13.5rem minmax(0,1fr);gap:2.5rem;padding-block-start:2.25rem;align-items:start}
  .rooms{display:flex;flex-direction:column;gap:.25rem;position:sticky;inset-block-start:1.5rem}
  .home{display:none}
}
@media (max-width:30rem){
  .gate{justify-content:flex-start;padding:0;gap:0;background:var(--card)}
  .gate>header{padding:1.25rem 1.5rem 0;align-self:center}
  .card,.card.roomy{max-inline-size:none;padding:1.25rem 1.5rem 1.5rem;border-radius:0;box-shadow:none;background:none}
  body:has(.gate){background:var(--card)}
  .panel>.padded,.panel.padded{padding:1rem}
  .item{padding-inline:1rem}
  .item.top{flex-wrap:wrap}
  .rename{margin-block-end:-.625rem}
  .item.top>form{inline-size:100%;padding-inline-start:3.625rem}
  .wide-only{display:none}
  .bar>div{flex-wrap:wrap}
  .bar .brand{flex:1 1 8rem}
  .bar form{margin-inline-start:auto}
  .button.wide{padding-inline:.75rem}
}
@media (max-width:22rem){.codes{grid-template-columns:1fr}}
@media (prefers-reduced-motion:no-preference){.button,.input,.peek,.item,.rooms a{transition:background-color .15s,border-color .15s,color .15s}}
@media (forced-colors:active){.input:is(select){appearance:auto}.button,.panel,.card,.alert,.notice,.tag,.mark,.tile{border:1px solid ButtonText}.rooms a[aria-current]{outline:2px solid Highlight}}
@media print{body,.gate{background:#fff;color:#000}.bar,.rooms,.home,.foot,.no-print,.button{display:none!important}.card,.panel{box-shadow:none;border:0}.codes li{border:1px solid #000;color:#000;background:#fff}}
`
