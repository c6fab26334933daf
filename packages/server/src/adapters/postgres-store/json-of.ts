import { asJson } from '@waycast/protocol';

/** JSON that PostgreSQL takes, whatever text is in it: it has no U+0000 and no halves of surrogate pairs. */
export function jsonOf(value: unknown): string {
  return asJson(JSON.stringify(value));
}
