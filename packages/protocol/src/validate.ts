import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { TEXT } from './text.ts';

/** What is wrong with a value, and where: `field` is a JSON pointer, '' for the value itself. */
export interface Failure {
  field: string;
  message: string;
}

export interface Validator<T> {
  check(value: unknown): value is T;
  /** The one failure to tell the sender about; call it only after `check` said no. */
  failure(value: unknown): Failure;
}

/**
 * Compiles a schema once, when it is first used: a server has a hundred of them, and most starts need few. `check` is
 * meant for the hot path, `failure` for the rare refusal.
 */
export function validator<S extends TSchema>(schema: S): Validator<Static<S>> {
  let check: ((value: unknown) => boolean) | undefined;
  let compiled: ReturnType<typeof Compile<S>> | undefined;
  return {
    check: (value): value is Static<S> => {
      check ??= closedCheck(schema) ?? openCheck(schema);
      return check(value);
    },
    failure: (value) => {
      compiled ??= Compile(schema);
      // The deepest path names the field; its siblings' `anyOf` and `boolean` errors only say that something is wrong.
      let best: Failure = { field: '', message: 'does not fit the schema' };
      let depth = -1;
      for (const error of compiled.Errors(value)) {
        const unknownKey = error.keyword === 'boolean' && error.message === 'schema is false';
        let field = error.instancePath;
        let message = unknownKey ? 'is not a known member' : error.message;
        if (error.keyword === 'pattern' && String((error.params as { pattern?: unknown }).pattern) === TEXT)
          message = 'must be text of whole characters, without U+0000';
        if (error.keyword === 'required') {
          const missing = (error.params as { requiredProperties?: string[] }).requiredProperties?.[0];
          if (missing !== undefined) {
            field = `${field}/${missing}`;
            message = 'is required';
          }
        }
        if (error.keyword === 'anyOf' && depth >= 0) continue;
        const d = field.split('/').length;
        if (d > depth) {
          best = { field, message };
          depth = d;
        }
      }
      return best;
    },
  };
}

function openCheck(schema: TSchema): (value: unknown) => boolean {
  const compiled = Compile(schema);
  return (value) => compiled.Check(value);
}

/**
 * A closed object's check, with its keys looked up in a set: the compiled one tries a regular expression per key,
 * which costs more than all the rest of a fix. Undefined for schemas of another form.
 */
function closedCheck(schema: TSchema): ((value: unknown) => boolean) | undefined {
  const { type, properties, additionalProperties } = schema as { type?: unknown; properties?: object; additionalProperties?: unknown };
  if (type !== 'object' || properties === undefined || additionalProperties !== false) return undefined;
  const known = new Set(Object.keys(properties));
  const open = Compile({ ...schema, additionalProperties: true } as TSchema);
  return (value) => {
    if (!open.Check(value)) return false;
    for (const key of Object.keys(value as object)) if (!known.has(key)) return false;
    return true;
  };
}
