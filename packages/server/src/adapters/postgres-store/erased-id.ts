/** No id has it in it: what was stored of a driver that is erased can be reached by its id no more. */
export const ERASED = 'erased/';

/** Of `d`, the table driver. */
export const NOT_ERASED = `NOT starts_with(d.id, '${ERASED}')`;
