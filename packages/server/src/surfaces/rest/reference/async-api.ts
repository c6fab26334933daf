import type { TSchema } from 'typebox';
import type { Channel, ChannelSecurity } from './channel.ts';
import { EXAMPLES } from './examples.ts';
import type { JsonSchema } from './json-schema.ts';
import { markdownTable } from './markdown-table.ts';
import { SharedSchemas } from './shared-schemas.ts';

const SCHEMES: Readonly<Record<ChannelSecurity, Readonly<Record<string, string>>>> = {
  token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'the Authorization header of the handshake' },
  ticket: { type: 'httpApiKey', name: 'ticket', in: 'query', description: 'a single-use ticket, for browsers, which can set no header' },
  queryToken: { type: 'httpApiKey', name: 'token', in: 'query', description: 'the token itself, as clients of older systems send it' },
};

type Reference = { readonly $ref: string };

export interface AsyncApiMessage {
  readonly name: string;
  readonly title: string;
  readonly summary?: string;
  readonly contentType: string;
  readonly payload: JsonSchema;
  readonly examples?: readonly { readonly payload: unknown }[];
}

export interface AsyncApiChannel {
  readonly address: string;
  readonly title: string;
  readonly description: string;
  readonly messages: Readonly<Record<string, Reference>>;
  readonly parameters?: Channel['parameters'];
  readonly bindings?: { readonly ws: { readonly method: 'GET'; readonly query?: JsonSchema } };
}

export interface AsyncApiOperation {
  /** As the server sees it: it receives what clients send. */
  readonly action: 'receive' | 'send';
  readonly title: string;
  readonly channel: Reference;
  readonly messages: readonly Reference[];
  readonly security?: readonly Reference[];
}

/** The parts of AsyncAPI 3.0 that Waycast writes. */
export interface AsyncApi {
  readonly asyncapi: '3.0.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly defaultContentType: string;
  readonly channels: Readonly<Record<string, AsyncApiChannel>>;
  readonly operations: Readonly<Record<string, AsyncApiOperation>>;
  readonly components: {
    readonly messages: Readonly<Record<string, AsyncApiMessage>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

/**
 * Describes the sockets of a server as AsyncAPI 3.0.
 * @throws Error when two channels have one name, or two schemas one title within a channel
 */
export function asyncApi(channels: readonly Channel[], version: string): AsyncApi {
  const schemas = new SharedSchemas(EXAMPLES);
  const described = channels.map((channel) => describe(channel, schemas));
  const names = new Set(channels.map((channel) => channel.name));
  if (names.size < channels.length) throw new Error('two channels have one name');
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Waycast sockets',
      version,
      description: 'What goes over the sockets of this server. The calls are described by OpenAPI, at `/openapi.json`.',
    },
    defaultContentType: 'application/json',
    channels: Object.assign({}, ...described.map((one) => one.channels)),
    operations: Object.assign({}, ...described.map((one) => one.operations)),
    components: {
      messages: Object.assign({}, ...described.map((one) => one.messages)),
      schemas: schemas.all(),
      securitySchemes: Object.fromEntries(
        Object.entries(SCHEMES).filter(([name]) => channels.some((channel) => channel.security.some((used) => used === name))),
      ),
    },
  };
}

/** One channel's part of the document. A message that goes both ways may differ by the way it goes. */
function describe(
  channel: Channel,
  schemas: SharedSchemas,
): Pick<AsyncApi, 'channels' | 'operations'> & Pick<AsyncApi['components'], 'messages'> {
  const { name, title, address, description, parameters, query, transport = 'WebSocket' } = channel;
  const messages: Record<string, AsyncApiMessage> = {};
  const refs: Record<string, Reference> = {};
  const operations: Record<string, AsyncApiOperation> = {};
  const security = channel.security.map((scheme) => ({ $ref: `#/components/securitySchemes/${scheme}` }));
  for (const [side, action, heading] of [
    ['client', 'receive', 'What clients send'],
    ['server', 'send', 'What the server sends'],
  ] as const) {
    const keys = Object.keys(channel[side]).map((message) => `${side}.${message}`);
    for (const [message, schema] of Object.entries(channel[side])) {
      messages[`${name}.${side}.${message}`] = describeMessage(message, schema, channel, schemas);
      refs[`${side}.${message}`] = { $ref: `#/components/messages/${name}.${side}.${message}` };
    }
    if (keys.length === 0) continue;
    operations[`${name}.${action}`] = {
      action,
      title: heading,
      channel: { $ref: `#/channels/${name}` },
      messages: keys.map((key) => ({ $ref: `#/channels/${name}/messages/${key}` })),
      ...(security.length > 0 && { security }),
    };
  }
  const queried = query === undefined ? {} : { query: schemas.within(query as JsonSchema, name) };
  return {
    channels: {
      [name]: {
        address,
        title,
        description: [description, closing(channel)].filter((part) => part !== '').join('\n\n'),
        messages: refs,
        ...(Object.keys(parameters).length > 0 && { parameters }),
        ...(transport === 'WebSocket' && { bindings: { ws: { method: 'GET', ...queried } } }),
      },
    },
    operations,
    messages,
  };
}

function describeMessage(name: string, schema: TSchema, { name: scope, notes }: Channel, schemas: SharedSchemas): AsyncApiMessage {
  const { examples: own = [], ...payload } = schemas.within(schema as JsonSchema, scope);
  const note = notes?.[name];
  const summary = note?.summary ?? payload.description;
  const examples = note === undefined ? own : [note.example];
  return {
    name,
    title: name,
    ...(summary !== undefined && { summary }),
    contentType: 'application/json',
    payload,
    ...(examples.length > 0 && { examples: examples.map((example) => ({ payload: example })) }),
  };
}

function closing({ closeCodes = [] }: Channel): string {
  if (closeCodes.length === 0) return '';
  return `The server closes with:\n\n${markdownTable(
    ['close code', 'meaning'],
    closeCodes.map(({ code, meaning }) => [`\`${code}\``, meaning]),
  )}`;
}
