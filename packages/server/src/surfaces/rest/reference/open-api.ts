import { ERRORS } from '@waycast/protocol';
import { EXAMPLES } from './examples.ts';
import type { JsonSchema } from './json-schema.ts';
import { markdownTable } from './markdown-table.ts';
import { SharedSchemas } from './shared-schemas.ts';

export interface Media {
  readonly schema?: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, Media>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: JsonSchema;
}

export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  /** Empty: open to all. */
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly description?: string; readonly content: Readonly<Record<string, Media>> };
  readonly responses?: Readonly<Record<string, Answer>>;
}

/** The parts of OpenAPI 3.1 that Waycast writes. */
export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas?: Readonly<Record<string, JsonSchema>>; readonly securitySchemes?: object };
}

/** The groups of calls, in the order they are shown in. */
const TAGS: readonly (readonly [name: string, description: string])[] = [
  ['Trips', 'Rides and deliveries: created, given to drivers, moved along, looked back on.'],
  ['Drivers', 'Whoever moves: positions sent and read, availability, what watchers see.'],
  ['Webhooks', 'Events sent to addresses of yours, signed, in order per trip, until they arrive.'],
  ['Sessions', 'Ways in for pages.'],
  ['System', 'Probes and metrics.'],
  ['Rideshare', 'Calls of the rideshare contract.'],
  ['Delivery', 'Calls of the delivery contract.'],
  ['Fleet', 'Calls of the fleet contract.'],
  ['Devices', 'Calls of devices.'],
];

/** What an answer means where its route says nothing. */
const MEANINGS: Readonly<Record<string, string>> = {
  '200': 'Done.',
  '201': 'Created.',
  '202': 'Taken; done later.',
  '204': 'Done; the answer has no body.',
};
const UNSAID = 'Default Response';

/** What Fastify collected from the routes, finished: shared schemas once, examples, tags and errors explained. */
export function finishOpenApi(collected: OpenApi): OpenApi {
  const schemas = new SharedSchemas(EXAMPLES);
  const paths = Object.fromEntries(
    Object.entries(collected.paths).map(([path, operations]) => [
      path,
      Object.fromEntries(Object.entries(operations).map(([method, operation]) => [method, finish(operation, schemas)])),
    ]),
  );
  const used = new Set(Object.values(paths).flatMap((operations) => Object.values(operations).flatMap(({ tags = [] }) => tags)));
  return {
    ...collected,
    info: { ...collected.info, description: description(collected.info.description) },
    tags: TAGS.filter(([name]) => used.has(name)).map(([name, about]) => ({ name, description: about })),
    paths,
    components: { ...collected.components, schemas: { ...collected.components.schemas, ...schemas.all() } },
  };
}

function finish(operation: Operation, schemas: SharedSchemas): Operation {
  const { parameters, requestBody, responses = {} } = operation;
  return {
    ...operation,
    ...(parameters !== undefined && {
      parameters: parameters.map((one) => ({ ...one, ...(one.schema !== undefined && { schema: schemas.refer(one.schema) }) })),
    }),
    ...(requestBody !== undefined && { requestBody: { ...requestBody, content: share(requestBody.content, schemas) } }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, answer]) => [
        status,
        {
          ...answer,
          description: answer.description === UNSAID ? (MEANINGS[status] ?? 'The answer.') : answer.description,
          ...(answer.content !== undefined && { content: share(answer.content, schemas) }),
        },
      ]),
    ),
  };
}

function share(content: Readonly<Record<string, Media>>, schemas: SharedSchemas): Record<string, Media> {
  return Object.fromEntries(Object.entries(content).map(([type, media]) => [type, shareMedia(media, schemas)]));
}

/** Fastify's plug-in takes examples out of the schema that brought them; they go back, so that they are written once. */
function shareMedia({ schema, example, examples = {}, ...media }: Media, schemas: SharedSchemas): Media {
  if (schema === undefined) return media;
  const taken = example === undefined ? Object.values(examples).map(({ value }) => value) : [example];
  return { ...media, schema: schemas.refer(taken.length === 0 ? schema : { ...schema, examples: taken }) };
}

function description(about = ''): string {
  const rows = Object.entries(ERRORS).map(([code, { status, title, ...more }]) => [
    `\`${code}\``,
    status,
    title,
    'retryable' in more ? 'yes' : '',
  ]);
  return [
    about,
    'JSON, camelCase; times are ISO 8601. Send `Authorization: Bearer` and a JWT with every call that is not marked as open. The sockets are described by AsyncAPI, at `/asyncapi.json`.',
    'Lists are read by `cursor`: pass the one of the last answer for the next page; it is null at the end.',
    'A refusal is problem details (RFC 9457) with a stable `code`, and `field` when one member is to blame; 429 and 503 carry `Retry-After`, in seconds. Unknown and forbidden look alike: `not_found`. The codes:',
    markdownTable(['code', 'status', 'meaning', 'repeat later'], rows),
  ].join('\n\n');
}
