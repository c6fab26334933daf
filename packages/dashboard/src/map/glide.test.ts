import { describe, expect, it } from 'vitest';
import { isMoving, type Pose, poseAt, rest, retarget } from './glide.ts';

const berlin: Pose = { lat: 52.52, lng: 13.405, bearing: 90 };

function glide(from: Pose, to: Pose) {
  return { from, to, start: 0, duration: 1000 };
}

describe('a gliding vehicle', () => {
  it('is half way at half time and exactly there at the end', () => {
    const g = glide(berlin, { lat: 52.521, lng: 13.407, bearing: 90 });
    expect(poseAt(g, 500).lat).toBeCloseTo(52.5205, 9);
    expect(poseAt(g, 500).lng).toBeCloseTo(13.406, 9);
    expect(poseAt(g, 1000)).toEqual({ lat: 52.521, lng: 13.407, bearing: 90 });
    expect(poseAt(g, 99_000)).toEqual({ lat: 52.521, lng: 13.407, bearing: 90 });
  });

  it('stays where it was before its start', () => {
    expect(poseAt(glide(berlin, { ...berlin, lat: 52.6 }), -50)).toEqual(berlin);
  });

  it('turns by the shorter arc, across north', () => {
    const g = glide({ ...berlin, bearing: 350 }, { ...berlin, bearing: 20 });
    expect(poseAt(g, 250).bearing).toBeCloseTo(5, 6);
    const back = glide({ ...berlin, bearing: 20 }, { ...berlin, bearing: 350 });
    expect(poseAt(back, 250).bearing).toBeCloseTo(5, 6);
  });

  it('keeps a bearing in [0, 360)', () => {
    const g = glide({ ...berlin, bearing: 10 }, { ...berlin, bearing: 300 });
    for (let t = 0; t <= 1000; t += 50) {
      const bearing = poseAt(g, t).bearing ?? -1;
      expect(bearing).toBeGreaterThanOrEqual(0);
      expect(bearing).toBeLessThan(360);
    }
  });

  it('crosses the antimeridian instead of running round the world', () => {
    const g = glide({ lat: -17, lng: 179.999, bearing: 90 }, { lat: -17, lng: -179.999, bearing: 90 });
    expect(Math.abs(poseAt(g, 500).lng)).toBeCloseTo(180, 6);
    expect(poseAt(g, 750).lng).toBeCloseTo(-179.9995, 6);
  });

  it('snaps when the new place is more than 500 m away', () => {
    const g = retarget(rest(berlin, 0), { lat: 52.53, lng: 13.405, bearing: 0 }, 100, 1000);
    expect(poseAt(g, 100).lat).toBe(52.53);
    expect(isMoving(g, 100)).toBe(false);
  });

  it('starts the next glide from where it is drawn, not from where it was sent', () => {
    const first = retarget(rest(berlin, 0), { lat: 52.521, lng: 13.405, bearing: 0 }, 0, 1000);
    const middle = poseAt(first, 400);
    const second = retarget(first, { lat: 52.522, lng: 13.405, bearing: 0 }, 400, 1000);
    expect(poseAt(second, 400).lat).toBeCloseTo(middle.lat, 12);
  });

  it('glides about as long as positions are apart, within bounds', () => {
    const target = { ...berlin, lat: 52.5201 };
    expect(retarget(rest(berlin, 0), target, 0, 1000).duration).toBeCloseTo(1100);
    expect(retarget(rest(berlin, 0), target, 0, 60_000).duration).toBe(2500);
    expect(retarget(rest(berlin, 0), target, 0, 10).duration).toBe(700);
  });

  it('does not move at all where motion is unwelcome', () => {
    const g = retarget(rest(berlin, 0), { ...berlin, lat: 52.5201 }, 0, 1000, true);
    expect(poseAt(g, 0).lat).toBe(52.5201);
  });

  it('heads where it drives when nobody says where it heads', () => {
    const g = retarget(rest({ ...berlin, bearing: null }, 0), { lat: 52.5201, lng: 13.405, bearing: null }, 0, 1000);
    expect(g.to.bearing).toBeCloseTo(0, 3);
  });

  it('keeps its heading while it stands', () => {
    const g = retarget(rest(berlin, 0), { ...berlin, bearing: null }, 0, 1000);
    expect(g.to.bearing).toBe(90);
  });
});
