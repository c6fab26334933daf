import Type, { type Static } from 'typebox';
import { Text } from './text.ts';
import { IsoTime, Moment } from './time.ts';

/** What a webhook can hear of. */
export const WEBHOOK_EVENTS = [
  'trip.status',
  'trip.assignment',
  'trip.changed',
  'trip.message',
  'stop.approaching',
  'stop.arrived',
  'stop.departed',
  'driver.online',
  'driver.offline',
  'driver.stale',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];
const PATTERNS = ['trip.*', 'stop.*', 'driver.*'] as const;

const Url = Text({ minLength: 1, maxLength: 2_048, description: 'https, at a public address' });
const Events = Type.Array(Type.Enum([...WEBHOOK_EVENTS, ...PATTERNS]), { minItems: 1, maxItems: 20 });
const Labels = Type.Array(Text({ minLength: 1, maxLength: 64 }), {
  minItems: 1,
  maxItems: 20,
  description: 'trips with one of these',
});
const Description = Text({ maxLength: 200 });
const Secret = Type.String({
  pattern: '^whsec_[A-Za-z0-9+/]{32,88}={0,2}$',
  description: 'whsec_ and 24 to 64 bytes in base64',
});
const orNull = <T extends typeof Events | typeof Labels | typeof Description>(schema: T) => Type.Union([schema, Type.Null()]);

/** `POST /v1/webhooks`. Without `events` or `labels`: all. */
export const WebhookInput = Type.Object(
  {
    url: Url,
    events: Type.Optional(orNull(Events)),
    labels: Type.Optional(orNull(Labels)),
    description: Type.Optional(orNull(Description)),
    secret: Type.Optional(Secret),
  },
  {
    additionalProperties: false,
    title: 'WebhookInput',
    examples: [{ url: 'https://example.com/waycast', events: ['trip.*', 'stop.arrived'], labels: ['airport'] }],
  },
);
export type WebhookInput = Static<typeof WebhookInput>;

export const WebhookPatch = Type.Object(
  {
    url: Type.Optional(Url),
    events: Type.Optional(orNull(Events)),
    labels: Type.Optional(orNull(Labels)),
    description: Type.Optional(orNull(Description)),
    enabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, title: 'WebhookPatch', examples: [{ enabled: true }], minProperties: 1 },
);
export type WebhookPatch = Static<typeof WebhookPatch>;

const OptionalTime = Type.Union([IsoTime, Type.Null()]);

export const WebhookView = Type.Object(
  {
    id: Type.String(),
    kind: Type.Enum(['webhook', 'notifications', 'orders'] as const),
    url: Type.Union([Type.String(), Type.Null()]),
    events: Type.Union([Type.Array(Type.String()), Type.Null()]),
    labels: Type.Union([Type.Array(Type.String()), Type.Null()]),
    description: Type.Union([Type.String(), Type.Null()]),
    enabled: Type.Boolean(),
    state: Type.Enum(['active', 'failing', 'paused', 'disabled'] as const, {
      description: 'failing: ten failures in a row, tried now and then; paused: no URL is configured, messages wait',
    }),
    disabledReason: Type.Union([Type.String(), Type.Null()]),
    createdAt: IsoTime,
  },
  { title: 'Webhook' },
);
export type WebhookView = Static<typeof WebhookView>;

/** Only the answers that make a secret show it. */
export const WebhookWithSecret = Type.Object({ ...WebhookView.properties, secret: Type.String() }, { title: 'WebhookWithSecret' });
export type WebhookWithSecret = Static<typeof WebhookWithSecret>;

export const WebhookList = Type.Object({ webhooks: Type.Array(WebhookView) }, { title: 'WebhookList' });
export type WebhookList = Static<typeof WebhookList>;

/** `POST /v1/webhooks/{id}/secret`: a new secret; those before sign beside it for a while. */
export const SecretInput = Type.Object(
  {
    secret: Type.Optional(Secret),
    overlapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 30 * 86_400, description: 's; a day when not given' })),
  },
  { additionalProperties: false, title: 'SecretInput', examples: [{ overlapSeconds: 3600 }] },
);
export type SecretInput = Static<typeof SecretInput>;

/** `POST /v1/webhooks/{id}/test`: the id of the message that is on its way. */
export const WebhookTest = Type.Object({ messageId: Type.String() }, { title: 'WebhookTest' });
export type WebhookTest = Static<typeof WebhookTest>;

export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;

export const WebhookDelivery = Type.Object(
  {
    messageId: Type.String({ description: 'the header webhook-id' }),
    type: Type.String(),
    feed: Type.String({ description: 'what it is about: messages of one feed come in order' }),
    state: Type.Enum([...DELIVERY_STATES]),
    createdAt: IsoTime,
    settledAt: OptionalTime,
    tries: Type.Integer(),
    attempts: Type.Array(
      Type.Object({
        at: IsoTime,
        duration: Type.Number({ description: 'ms' }),
        status: Type.Union([Type.Integer(), Type.Null()]),
        error: Type.Union([Type.String(), Type.Null()]),
        answer: Type.Union([Type.String(), Type.Null()], { description: 'the beginning of what the other side said' }),
      }),
      { description: 'the last ten' },
    ),
  },
  { title: 'WebhookDelivery' },
);
export type WebhookDelivery = Static<typeof WebhookDelivery>;

export const WebhookDeliveryList = Type.Object(
  { deliveries: Type.Array(WebhookDelivery), cursor: Type.Union([Type.String(), Type.Null()]) },
  { title: 'WebhookDeliveryList' },
);
export type WebhookDeliveryList = Static<typeof WebhookDeliveryList>;

/** `POST /v1/webhooks/{id}/replay`: all it wants since a moment, or single deliveries that were settled. */
export const ReplayInput = Type.Object(
  {
    since: Type.Optional(Moment),
    deliveries: Type.Optional(Type.Array(Text({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 100 })),
  },
  {
    additionalProperties: false,
    title: 'ReplayInput',
    examples: [{ since: '2026-01-05T10:00:00.000Z' }],
    minProperties: 1,
    maxProperties: 1,
  },
);
export type ReplayInput = Static<typeof ReplayInput>;

export const Replayed = Type.Object({ replayed: Type.Integer() }, { title: 'Replayed' });
export type Replayed = Static<typeof Replayed>;
