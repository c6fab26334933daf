import { type JsonSchema, mapInside } from './json-schema.ts';

const PREFIX = '#/components/schemas/';
const NAME = /^[A-Za-z0-9._-]+$/;

/** Which shared schema a reference means; undefined for any other reference. */
export function sharedName(ref: string): string | undefined {
  return ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : undefined;
}

/**
 * The schemas of one document that have a title: written once, under `components.schemas`, and referred to everywhere else.
 * Two that share a title have to be the same, but for their description; or else a scope tells them apart.
 */
export class SharedSchemas {
  readonly #schemas = new Map<string, JsonSchema>();
  readonly #texts = new Map<string, string>();
  readonly #examples: Readonly<Record<string, unknown>>;

  /** `examples` by title, for schemas that bring none of their own. */
  constructor(examples: Readonly<Record<string, unknown>>) {
    this.#examples = examples;
  }

  /**
   * A reference to the schema where it has a title, else the schema with references inside.
   * @throws Error naming the title that two different schemas have
   */
  refer(schema: JsonSchema, scope?: string): JsonSchema {
    const inner = this.within(schema, scope);
    const { title } = schema;
    if (title === undefined || !NAME.test(title)) return inner;
    return { $ref: `${PREFIX}${this.#share(title, inner, scope)}` };
  }

  /** The schema itself, with references inside. */
  within(schema: JsonSchema, scope?: string): JsonSchema {
    return mapInside(schema, (inner) => this.refer(inner, scope));
  }

  /** All that were referred to, by name. */
  all(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #share(title: string, schema: JsonSchema, scope: string | undefined): string {
    const { description, examples, ...content } = schema;
    const text = JSON.stringify(content);
    for (const name of scope === undefined ? [title] : [title, `${scope}.${title}`]) {
      const known = this.#texts.get(name);
      if (known === undefined) {
        this.#texts.set(name, text);
        const example = this.#examples[name];
        const shown = examples ?? (example === undefined ? undefined : [example]);
        this.#schemas.set(name, { ...schema, ...(shown !== undefined && { examples: shown }) });
        return name;
      }
      if (known !== text) continue;
      // A parameter or a body carries what is told of its schema itself; that is kept from wherever it comes.
      const told = { ...(description !== undefined && { description }), ...(examples !== undefined && { examples }) };
      this.#schemas.set(name, { ...told, ...this.#schemas.get(name) });
      return name;
    }
    throw new Error(`two different schemas are titled ${title}${scope === undefined ? '' : ` in ${scope}`}`);
  }
}
