/** No id has it in it: what was stored of a driver that is erased can be reached by its id no more. */
const BEGINNING = 'erased/';

export function erasedName(number: number): string {
  return BEGINNING + number;
}

export function isErased(name: string): boolean {
  return name.startsWith(BEGINNING);
}

/** Of the table `driver`. */
export const NOT_ERASED = `name NOT GLOB '${BEGINNING}*'`;
