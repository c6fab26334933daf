import { describe, expect, it } from 'vitest';
import { isWanted } from './wanted.ts';

const message = { topic: 'event', type: 'stop.arrived', labels: ['north'] };
const all = { topic: 'event', types: null, labels: null };

describe('a message is wanted [W6]', () => {
  it.each([
    ['by who wants everything', all, true],
    ['not of another topic', { ...all, topic: 'order' }, false],
    ['by its type', { ...all, types: ['trip.status', 'stop.arrived'] }, true],
    ['not by another type', { ...all, types: ['stop.departed'] }, false],
    ['by the beginning of its type', { ...all, types: ['stop.*'] }, true],
    ['not by the beginning of another, nor of its name', { ...all, types: ['trip.*', 'sto.*', 'stop.arr.*'] }, false],
    ['by a label', { ...all, labels: ['south', 'north'] }, true],
    ['not by another label', { ...all, labels: ['south'] }, false],
    ['by type and label only together', { ...all, types: ['trip.*'], labels: ['north'] }, false],
    ['not by nothing at all', { ...all, types: [] }, false],
  ])('%s', (_, wish, wanted) => {
    expect(isWanted(wish, message)).toBe(wanted);
  });

  it('with labels named, not when it has none', () => {
    expect(isWanted({ ...all, labels: ['north'] }, { ...message, labels: [] })).toBe(false);
  });
});
