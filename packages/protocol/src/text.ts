import Type, { type TString } from 'typebox';

/** Whole characters, and none of them U+0000. */
export const TEXT = '^(?:[^\\u0000\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$';

/** Text from people and programs, as every database can keep it: no halves of a surrogate pair, no U+0000. */
export function Text(limits: { minLength?: number; maxLength: number; description?: string }): TString {
  return Type.String({ ...limits, pattern: TEXT });
}

/** The nearest such text, for what is not to be refused: what is no character is U+FFFD, as where bytes are decoded. */
export function asText(value: string): string {
  return value.toWellFormed().replaceAll('\0', '\ufffd');
}

/** An escaped backslash, or what is no character. As `JSON.stringify` writes it: a whole pair is never escaped. */
const ESCAPED = /\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g;

/** The same for JSON that `JSON.stringify` made, of which every text within becomes such a text. */
export function asJson(json: string): string {
  if (!json.includes('\\u')) return json;
  return json.replaceAll(ESCAPED, (found) => (found === '\\\\' ? found : '\\ufffd'));
}
