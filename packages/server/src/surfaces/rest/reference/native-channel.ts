import { CLIENT_MESSAGES, ERRORS, SERVER_MESSAGES, STREAM_LIMITS } from '@waycast/protocol';
import Type, { type Static, type TSchema } from 'typebox';
import type { Channel } from './channel.ts';
import { approaching, driver, EXAMPLES, eta, location, text, trip } from './examples.ts';
import { markdownTable } from './markdown-table.ts';

type Notes<Messages extends Readonly<Record<string, TSchema>>> = {
  readonly [Name in keyof Messages]: { readonly summary: string; readonly example: Static<Messages[Name]> };
};

const feed = 'trip:ride-1';
const epoch = 'kT3x.1';
const expiresAt = '2026-01-05T22:00:00.000Z';
const { altitude: _, ...fix } = location;

const CLIENT: Notes<typeof CLIENT_MESSAGES> = {
  auth: {
    summary: 'Signs in, or stays signed in with a fresh token of the same subject.',
    example: { type: 'auth', token: 'eyJhbGciOi...', ref: '1' },
  },
  open: {
    summary: 'Begins to send numbered fixes; `opened` says where to go on. A service names the driver.',
    example: { type: 'open', stream: 'b1f0c2', ref: '2' },
  },
  fix: {
    summary: 'One live position. `seq` counts from 1 within the open stream; `base` is the lowest number still held.',
    example: { type: 'fix', seq: 1, base: 1, ...fix },
  },
  fixes: {
    summary: 'A backlog, oldest first; of its positions only the newest is published.',
    example: { type: 'fixes', base: 1, fixes: [{ seq: 1, ...fix }] },
  },
  subscribe: {
    summary:
      'Follows a feed: `trip:ID`, `driver:ID`, `fleet`; or, with every open trip as it comes, `party:ID`, `jobs:DRIVER`, `label:NAME`. With `since` exactly what was missed comes, or a snapshot.',
    example: { type: 'subscribe', feed, since: { epoch, seq: 41 }, ref: '3' },
  },
  unsubscribe: { summary: 'Follows a feed no more.', example: { type: 'unsubscribe', feed, ref: '4' } },
  message: {
    summary: 'A short text on a trip, to its driver or from it; answered by `sent` once it is stored.',
    example: { type: 'message', trip: 'ride-1', text: 'I am at the corner, in a red coat.', ref: '6' },
  },
  ping: { summary: 'Asks for a `pong`.', example: { type: 'ping', ref: '5' } },
};

const SERVER: Notes<typeof SERVER_MESSAGES> = {
  welcome: {
    summary: 'The client is signed in, as whom and until when.',
    example: { type: 'welcome', sub: 'car-1', role: 'driver', expiresAt, heartbeat: STREAM_LIMITS.heartbeat },
  },
  opened: {
    summary: 'Answers `open` with the watermarks the server holds for this stream.',
    example: { type: 'opened', stream: 'b1f0c2', driver: 'car-1', accepted: 0, stored: 0, ref: '2' },
  },
  ack: {
    summary: 'All numbers up to `accepted` are in the log, all up to `stored` are durable or finally refused. At least once a second.',
    example: {
      type: 'ack',
      driver: 'car-1',
      stream: 'b1f0c2',
      accepted: 4,
      stored: 4,
      rejected: [{ seq: 3, code: 'invalid_fix', message: '/lat must be <= 90' }],
    },
  },
  subscribed: {
    summary: 'The feed is followed; `resumed` says that exactly what was missed comes next, and no snapshot.',
    example: { type: 'subscribed', feed, resumed: false, ref: '3' },
  },
  unsubscribed: { summary: 'The feed is followed no more.', example: { type: 'unsubscribed', feed, ref: '4' } },
  sent: {
    summary: 'The text is stored; those it is for hear it as an `event` of the trip.',
    example: { type: 'sent', tripId: 'ride-1', id: text.id, at: text.at, ref: '6' },
  },
  ride_status: {
    summary: 'How a ride stands, in the words of the hybrid clients, beside the `event` that told it; for those who asked.',
    example: { type: 'ride_status', rideId: 'ride-1', status: 'EN_ROUTE', eta: eta.at, message: 'Your driver is on the way' },
  },
  snapshot: {
    summary: 'Where a trip or a driver stands; the feed goes on from `{epoch, seq}`.',
    example: { type: 'snapshot', feed, epoch, seq: 41, trip, driver, location, etas: [eta] },
  },
  location: {
    summary: 'A new position of the driver, with the times left to the stops when it drives a trip.',
    example: { type: 'location', feed, epoch, seq: 42, driver: 'car-1', ...location, etas: [eta] },
  },
  event: {
    summary: 'Something happened to the trip or the driver. The same event has the same `id` everywhere.',
    example: { type: 'event', feed, epoch, seq: 43, event: approaching, trip },
  },
  conflated: {
    summary: 'Messages `from` to `to` were left out for this slow connection; newer positions follow.',
    example: { type: 'conflated', feed, epoch, from: 44, to: 61 },
  },
  heartbeat: {
    summary: 'Where every followed feed stands; a higher `seq` than the last one seen means that something was lost.',
    example: { type: 'heartbeat', at: '2026-01-05T10:00:15.000Z', feeds: [{ feed, epoch, seq: 61 }] },
  },
  positions: {
    summary: 'The fleet, once a second at most: everybody first, then who moved, and who went offline.',
    example: { type: 'positions', feed: 'fleet', full: false, positions: [{ ...EXAMPLES.FleetPosition }], gone: ['car-7'] },
  },
  'fleet-event': {
    summary: 'Something in the fleet happened: trips come, change and end, drivers come and go. Not numbered.',
    example: { type: 'fleet-event', feed: 'fleet', event: approaching, trip },
  },
  warning: {
    summary: 'A fix without a number was kept but is suspect: too far, too fast, or ahead of its time.',
    example: { type: 'warning', code: 'suspect_fix', driver: 'car-1', reason: 'teleport', timestamp: location.timestamp },
  },
  error: {
    summary: 'A message was refused; the connection stays. The codes are those of the calls.',
    example: { type: 'error', code: 'invalid_fix', message: '/lat must be <= 90', field: '/lat', seq: 7, driver: 'car-1' },
  },
  pong: { summary: 'Answers `ping`.', example: { type: 'pong', ref: '5' } },
};

const LIMITS: readonly (readonly [string, number | string])[] = [
  ['one message', `${STREAM_LIMITS.message} bytes`],
  ['fixes in one `fixes`', STREAM_LIMITS.backlog],
  ['feeds of one connection', STREAM_LIMITS.subscriptions],
  ['how far a `seq` may be ahead of the lowest one still open', STREAM_LIMITS.window],
  ['bad messages in a row', STREAM_LIMITS.badMessages],
  ['between heartbeats', `${STREAM_LIMITS.heartbeat} s`],
];

/** The native stream, `GET /v1/stream`. */
export const NATIVE_CHANNEL: Channel = {
  name: 'stream',
  title: 'The native stream',
  address: '/v1/stream',
  description: [
    'JSON messages, told apart by `type`, for drivers who send positions and for everybody who watches.',
    'Sign in with the `Authorization` header, with a `ticket` from `POST /v1/tickets`, or with `auth` as the first message within five seconds.',
    `Limits:\n\n${markdownTable(['limit', 'value'], LIMITS)}`,
  ].join('\n\n'),
  parameters: {},
  query: Type.Object({ ticket: Type.Optional(Type.String({ description: 'from `POST /v1/tickets`; good once, for 30 s' })) }),
  security: ['token', 'ticket'],
  client: CLIENT_MESSAGES,
  server: SERVER_MESSAGES,
  notes: { ...CLIENT, ...SERVER },
  closeCodes: Object.entries(ERRORS).flatMap(([name, error]) =>
    'close' in error ? [{ code: error.close, meaning: `\`${name}\`: ${error.title}` }] : [],
  ),
};
