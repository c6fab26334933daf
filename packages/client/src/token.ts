/** A token, or how to get one; a function is asked again whenever a token is needed. */
export type TokenSource = string | (() => string | Promise<string>);

export async function readToken(source: TokenSource): Promise<string> {
  return typeof source === 'function' ? await source() : source;
}
