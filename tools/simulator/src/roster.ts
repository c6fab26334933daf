import type { TripKind } from '@waycast/protocol';
import type { VehicleKind } from './vehicle.ts';

/** working: trip after trip. cruising: looks for none. resting: parked and unavailable, by turns with cruising. */
export type Role = 'working' | 'cruising' | 'resting';

/** Who is in the demo fleet: things with numbers, not people. */
export interface Member extends VehicleKind {
  id: string;
  name: string;
  vehicle: string;
  plate: string;
  work: TripKind;
  role: Role;
}

const KINDS = [
  { word: 'Car', work: 'ride', speed: [28, 45] },
  { word: 'Van', work: 'delivery', speed: [22, 38] },
  { word: 'Car', work: 'ride', speed: [28, 45] },
  { word: 'Bike', work: 'delivery', speed: [15, 22] },
] as const;

/** The members of a fleet of `count`: half of them cars with riders, the others bring things; a few do nothing in particular. */
export function roster(count: number): Member[] {
  return Array.from({ length: count }, (_, i) => {
    const kind = KINDS[i % KINDS.length] ?? KINDS[0];
    const number = String(i + 1);
    return {
      id: `demo-${kind.word.toLowerCase()}-${number}`,
      name: `${kind.word} ${number}`,
      vehicle: kind.word,
      plate: `WC-${number.padStart(3, '0')}`,
      work: kind.work,
      speed: kind.speed,
      role: i % 10 === 8 ? 'cruising' : i % 10 === 9 ? 'resting' : 'working',
    };
  });
}
