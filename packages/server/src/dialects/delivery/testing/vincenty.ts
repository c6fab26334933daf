/** WGS 84: the earth as surveyors have it, not the sphere of the rules. */
const A = 6_378_137;
const F = 1 / 298.257223563;
const B = A * (1 - F);
const RAD = Math.PI / 180;

interface Place {
  readonly lat: number;
  readonly lng: number;
}

/** Distance on the ellipsoid in metres (Vincenty 1975, inverse formula); null where it does not converge. */
export function inverse(from: Place, to: Place): number | null {
  const u1 = Math.atan((1 - F) * Math.tan(from.lat * RAD));
  const u2 = Math.atan((1 - F) * Math.tan(to.lat * RAD));
  const [sin1, cos1, sin2, cos2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  const apart = (to.lng - from.lng) * RAD;
  let lambda = apart;
  for (let round = 0; round < 200; round++) {
    const [sinL, cosL] = [Math.sin(lambda), Math.cos(lambda)];
    const sinSigma = Math.hypot(cos2 * sinL, cos1 * sin2 - sin1 * cos2 * cosL);
    if (sinSigma === 0) return 0;
    const cosSigma = sin1 * sin2 + cos1 * cos2 * cosL;
    const sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (cos1 * cos2 * sinL) / sinSigma;
    const cos2Alpha = 1 - sinAlpha * sinAlpha;
    const cos2M = cos2Alpha === 0 ? 0 : cosSigma - (2 * sin1 * sin2) / cos2Alpha;
    const c = (F / 16) * cos2Alpha * (4 + F * (4 - 3 * cos2Alpha));
    const next = apart + (1 - c) * F * sinAlpha * (sigma + c * sinSigma * (cos2M + c * cosSigma * (2 * cos2M * cos2M - 1)));
    if (Math.abs(next - lambda) < 1e-12) return lengthOf(cos2Alpha, sigma, sinSigma, cosSigma, cos2M);
    lambda = next;
  }
  return null;
}

function lengthOf(cos2Alpha: number, sigma: number, sinSigma: number, cosSigma: number, cos2M: number): number {
  const uu = (cos2Alpha * (A * A - B * B)) / (B * B);
  const a = 1 + (uu / 16_384) * (4_096 + uu * (uu * (320 - 175 * uu) - 768));
  const b = (uu / 1_024) * (256 + uu * (uu * (74 - 47 * uu) - 128));
  const twice = 2 * cos2M * cos2M - 1;
  const last = (b / 6) * cos2M * (4 * sinSigma * sinSigma - 3) * (4 * cos2M * cos2M - 3);
  return B * a * (sigma - b * sinSigma * (cos2M + (b / 4) * (cosSigma * twice - last)));
}
