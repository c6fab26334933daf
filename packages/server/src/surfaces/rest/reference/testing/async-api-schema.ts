import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';

const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0.json');
// The document brings the schema of draft-07 along; Ajv's own would stand beside it.
const ajv = formats.default(new Ajv({ meta: false, validateSchema: false, strict: false, allErrors: true }));
const check = ajv.compile(JSON.parse(readFileSync(path, 'utf8')) as object);

/** What the AsyncAPI initiative's own schema of 3.0 says against a document; empty when nothing. */
export function fitsAsyncApi(document: unknown): string[] {
  if (check(JSON.parse(JSON.stringify(document)))) return [];
  return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
