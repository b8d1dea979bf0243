/** What a caller may cost, who is believed about addresses, who reads the metrics, and a clock that is set back. */
import { guardsIn, type Guard } from '../guard.ts'

const limits = guardsIn('src/http/limits.ts', 'limits')
const network = guardsIn('src/http/network.ts', 'limits')
const metrics = guardsIn('src/endpoints/metrics.ts', 'metrics')

export const LIMIT_GUARDS: Guard[] = [
  guardsIn('src/http/rate-limit.ts', 'limits')(
    'a quota is used up',
    'if (count.used < this.#quota)',
    'if (this.#quota > 0)',
  ),
  limits('a network over its quota', 'if (isCounted && !count) return', 'if (false) return'),
  limits('a client over its quota', 'if (this.#clients.take(clientId)) return', 'return'),
  limits('load beyond what can be done', ': this.#load.check()', ': undefined'),
  limits(
    'requests sent ahead of an answer',
    'if (isPipelined && (this.#pipelined.get(incoming.socket) ?? 0) >= MOST_PIPELINED) return',
    'if (false) return',
  ),
  limits(
    'lines of the log about networks',
    'if (this.#warnedNetworks.take(network) && this.#warnings.take(',
    'if (true || this.#warnings.take(',
  ),
  guardsIn('src/http/followers.ts', 'limits')('streams of one network', '>= MOST_OF_NETWORK', '>= MOST_FOLLOWERS'),
  guardsIn('src/endpoints/blacklist-feed.ts', 'feed')(
    'HEAD follows nothing',
    "const isHead = incoming.method === 'HEAD'",
    'const isHead = false',
  ),
  guardsIn('src/blacklist/feed-pages.ts', 'feed')(
    'an answer of the feed is made once for all',
    'this.#kept.set(start, page)',
    '',
  ),
  guardsIn('src/http/followers.ts', 'feed')(
    'whoever leaves is not counted any more',
    'this.#count(follower, -1)',
    'this.#count(follower, 1)',
  ),
  guardsIn('src/app.ts', 'feed')(
    'streams are counted once for all paths of the issuer',
    "app.route(prefix || '/', every)",
    "app.route(prefix || '/', routes(rooms))",
  ),
  guardsIn('src/http/capped-lines.ts', 'limits')(
    'lines of the log about strangers',
    'if (this.#written >= MOST_LINES)',
    'if (false)',
  ),
  guardsIn('src/http/request-log.ts', 'limits')(
    'lines of the log about open paths',
    'limits.isAuthenticated(outgoing)',
    'true',
  ),
  guardsIn('src/http/on-error.ts', 'limits')(
    'no lines of the log about load',
    'if (error instanceof Shed || error instanceof RateLimited) markBusy(',
    'if (false) markBusy(',
  ),
  guardsIn('src/http/client-auth.ts', 'limits')(
    'a public client that is only named',
    "if (presented.method !== 'none') limits.noteClient(",
    'limits.noteClient(',
  ),
  network(
    'a stranger is not believed about addresses',
    "const forwarded = isTrusted ? forwardedFor(rawHeaders) : ''",
    'const forwarded = forwardedFor(rawHeaders)',
  ),
  network(
    'the last address that is no proxy of ours',
    'if (comma <= 0 || !contains(this.#trusted, address)) return',
    'if (comma <= 0) return',
  ),
  network(
    'a network of IPv6 is a /64',
    "address.includes(':') ? `${address.split(':', 4).join(':')}::/64` : address",
    'address',
  ),
  network('an IPv4 address in IPv6 clothes', 'groups[5] === 0xff_ff', 'groups[5] === -1'),
  guardsIn('src/http/connections.ts', 'limits')(
    'a full house closes whoever is silent longest',
    'if (this.#open.size >= this.#most)',
    'if (false)',
  ),
  metrics('the token for the metrics', 'timingSafeEqual(digest(token), digest(expected))', 'token.length > 0'),
  metrics('metrics through a proxy', 'FORWARDED.every((name) => c.req.header(name) === undefined) &&', ''),
  metrics('metrics by a page in a browser', 'isLoopback(new URL(c.req.url).hostname)', 'true'),
  metrics('metrics of a public issuer', 'isLoopback(new URL(issuer).hostname) &&', ''),
  guardsIn('src/clock.ts', 'clock')(
    'a clock that was set back is not followed',
    'return Math.max(this.#clock.now(), Math.floor(this.#clock.elapsed() + this.#believed))',
    'return this.#clock.now()',
  ),
]
