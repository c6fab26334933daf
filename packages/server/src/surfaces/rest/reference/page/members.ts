import type { JsonSchema } from '../json-schema.ts';
import { sharedName } from '../shared-schemas.ts';
import { anchor, type Content, type Html, html, joined } from './html.ts';
import { inline } from './markdown.ts';

/** How many values of an enumeration fit into the type's column. */
const FEW = 3;

/** The members of an object as a table; those of objects without a name of their own follow with their path. */
export function membersTable(schema: JsonSchema): Html {
  const rows = membersOf(schema, '');
  if (rows.length === 0) return html``;
  return html`<table class="members"><thead><tr><th scope="col">Member</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows.map(memberRow)}</tbody></table>`;
}

export interface Member {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
  /** Instead of what the schema says. */
  readonly description?: string;
}

export function memberRow({ name, required, schema, description }: Member): Html {
  return html`<tr><td><code>${name}</code>${required ? '' : html` <span class="optional">optional</span>`}</td><td class="type">${typeOf(schema)}</td><td>${meaning(schema, description)}</td></tr>`;
}

function membersOf(schema: JsonSchema, path: string): Member[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
    const name = path + key;
    return [{ name, required: required.has(key), schema: member }, ...inside(member, name)];
  });
}

/** Members of what has no name of its own. */
function inside(schema: JsonSchema, path: string): Member[] {
  if (schema.items !== undefined) return inside(schema.items, `${path}[]`);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return variants.flatMap((variant) => inside(variant, path));
  return membersOf(schema, `${path}.`);
}

/** The type in a few words, with links to what is described elsewhere on the page. */
export function typeOf(schema: JsonSchema): Content {
  const { $ref, type, items } = schema;
  if ($ref !== undefined) return typeLink($ref);
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum !== undefined) return enumeration(schema.enum);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return joined(variants.map(typeOf), ' or ');
  if (schema.allOf !== undefined) return joined(schema.allOf.map(typeOf), ' and ');
  if (items !== undefined) return ['list of ', (items.anyOf ?? items.oneOf) === undefined ? typeOf(items) : ['(', typeOf(items), ')']];
  if (typeof schema.additionalProperties === 'object') return ['map of ', typeOf(schema.additionalProperties)];
  const [mapped] = Object.values(schema.patternProperties ?? {});
  if (mapped !== undefined) return ['map of ', typeOf(mapped)];
  if (type === undefined) return 'anything';
  return typeof type === 'string' ? type : joined(type, ' or ');
}

function typeLink(ref: string): Content {
  const name = sharedName(ref);
  return name === undefined ? ref : html`<a href="#${anchor('schema', name)}">${name}</a>`;
}

function enumeration(values: readonly unknown[]): Content {
  if (values.length > FEW) return 'one of';
  return joined(
    values.map((value) => html`<code>${JSON.stringify(value)}</code>`),
    ' or ',
  );
}

/** What it means and what it has to fit. */
export function meaning(schema: JsonSchema, description = told(schema)): Content {
  const facts = factsOf(schema);
  return [
    description === undefined ? '' : html`<span>${inline(description)}</span>`,
    facts.length === 0 ? '' : html` <span class="limits">${joined(facts, ', ')}</span>`,
  ];
}

/** What a schema says of itself, or a variant of it. */
function told({ description, anyOf, oneOf }: JsonSchema): string | undefined {
  return description ?? (anyOf ?? oneOf)?.map(told).find((text) => text !== undefined);
}

function factsOf(schema: JsonSchema): Content[] {
  const { format, pattern, items } = schema;
  const variants = schema.anyOf ?? schema.oneOf ?? [];
  return [
    ...(schema.enum !== undefined && schema.enum.length > FEW
      ? [
          joined(
            schema.enum.map((value) => html`<code>${JSON.stringify(value)}</code>`),
            ' ',
          ),
        ]
      : []),
    range(schema.minimum, schema.maximum, ''),
    schema.exclusiveMinimum === undefined ? '' : `over ${schema.exclusiveMinimum}`,
    schema.exclusiveMaximum === undefined ? '' : `below ${schema.exclusiveMaximum}`,
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' of them'),
    format === undefined ? '' : html`<code>${format}</code>`,
    pattern === undefined ? '' : html`fits <code>${pattern}</code>`,
    schema.default === undefined ? '' : html`<code>${JSON.stringify(schema.default)}</code> unless said`,
    ...variants.flatMap(factsOf),
    ...(items === undefined ? [] : factsOf(items)),
  ].filter((fact) => fact !== '');
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  // The largest whole number that JSON carries safely says nothing to a reader.
  const end = most === Number.MAX_SAFE_INTEGER ? undefined : most;
  if (least !== undefined && end !== undefined) return least === end ? `${least}${unit}` : `${least} to ${end}${unit}`;
  if (least !== undefined) return `at least ${least}${unit}`;
  return end === undefined ? '' : `up to ${end}${unit}`;
}
