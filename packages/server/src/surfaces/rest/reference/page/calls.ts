import type { JsonSchema } from '../json-schema.ts';
import type { Answer, Media, OpenApi, Operation, Parameter } from '../open-api.ts';
import { sharedName } from '../shared-schemas.ts';
import { example } from './example.ts';
import { anchor, type Content, type Html, html } from './html.ts';
import { inline, markdown } from './markdown.ts';
import { memberRow, membersTable, typeOf } from './members.ts';

export interface Call {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

type Schemas = Readonly<Record<string, JsonSchema>>;

export interface CallGroup {
  readonly name: string;
  readonly description: string;
  readonly calls: readonly Call[];
}

/** The calls by their first tag, in the document's order; those without one come last. */
export function groupCalls({ tags = [], paths }: OpenApi): CallGroup[] {
  const calls = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
  );
  const byTag = Map.groupBy(calls, ({ operation }) => operation.tags?.[0] ?? 'Other');
  const described = new Map(tags.map(({ name, description }) => [name, description]));
  const names = [...described.keys(), ...[...byTag.keys()].filter((name) => !described.has(name))];
  return names.map((name) => ({ name, description: described.get(name) ?? '', calls: byTag.get(name) ?? [] }));
}

export function callAnchor({ path, method, operation }: Call): string {
  return anchor('call', operation.operationId ?? `${method} ${path}`);
}

/** One group with all its calls; bodies are shown by what `schemas` hold. */
export function groupSection({ name, description, calls }: CallGroup, schemas: Schemas): Html {
  const id = anchor('calls', name);
  return html`<section id="${id}"><h2><a href="#${id}">${name}</a></h2>${markdown(description)}${calls.map((call) => callArticle(call, schemas))}</section>`;
}

function callArticle(call: Call, schemas: Schemas): Html {
  const { path, method, operation } = call;
  const { summary = '', description = '', parameters = [], requestBody, responses = {}, security } = operation;
  const id = callAnchor(call);
  return html`<article id="${id}" class="call">
<h3><a href="#${id}"><span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code></a></h3>
<p class="summary">${inline(summary)}${security?.length === 0 ? html` <span class="open">open to all</span>` : ''}</p>
${markdown(description)}
${parameters.length === 0 ? '' : html`<h4>Parameters</h4>${parametersTable(parameters)}`}
${requestBody === undefined ? '' : html`<h4>Body</h4>${inlineNote(requestBody.description)}${Object.entries(requestBody.content).map(([type, media]) => bodyPart(type, media, schemas))}`}
<h4>Answers</h4>
<table class="answers"><thead><tr><th scope="col">Status</th><th scope="col">Body</th><th scope="col">Meaning</th></tr></thead>
<tbody>${Object.entries(responses).map(answerRow)}</tbody></table>
</article>`;
}

function parametersTable(parameters: readonly Parameter[]): Html {
  const rows = parameters.map(({ name, in: place, required = false, schema = {}, description }) =>
    memberRow({
      name: place === 'path' ? `{${name}}` : place === 'query' ? `?${name}` : name,
      required,
      schema,
      ...(place === 'header' && { description: `${description ?? ''} (header)` }),
      ...(place !== 'header' && description !== undefined && { description }),
    }),
  );
  return html`<table class="members"><thead><tr><th scope="col">Parameter</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

function inlineNote(text = ''): Content {
  return text === '' ? '' : html`<p>${inline(text)}</p>`;
}

function bodyPart(type: string, { schema = {} }: Media, schemas: Schemas): Html {
  const variants = (schema.anyOf ?? schema.oneOf ?? [schema]).map((variant) => resolved(variant, schemas));
  const tables = variants.map((variant) => [
    variants.length > 1 && variant.title !== undefined ? html`<h5>${variant.title}</h5>` : '',
    membersTable(variant),
    (variant.examples ?? []).map(example),
  ]);
  return html`<p><code>${type}</code>: ${typeOf(schema)}</p>${tables}`;
}

function resolved(schema: JsonSchema, schemas: Schemas): JsonSchema {
  const name = schema.$ref === undefined ? undefined : sharedName(schema.$ref);
  return (name === undefined ? undefined : schemas[name]) ?? schema;
}

function answerRow([status, { description, content = {} }]: readonly [string, Answer]): Html {
  const bodies = Object.entries(content).map(
    ([type, { schema = {} }]) => html`<div>${bodyType(schema)} <span class="media">${type}</span></div>`,
  );
  return html`<tr><td><code>${status}</code></td><td class="type">${bodies.length === 0 ? 'none' : bodies}</td><td>${inline(description)}</td></tr>`;
}

/** A type without a name shows the names of its members: they have no other place. */
function bodyType(schema: JsonSchema): Content {
  const names = Object.entries(schema.properties ?? {});
  if (names.length === 0) return typeOf(schema);
  return html`<code>{${names.map(([name]) => name).join(', ')}}</code>`;
}
