const LETTERS = 'abcdefghijklmnopqrstuvwxyz012345';

/** 100 random bits as 20 letters. (`crypto.randomUUID` is missing on pages served over plain http.) */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  let id = '';
  for (const byte of bytes) id += LETTERS[byte & 31];
  return id;
}
