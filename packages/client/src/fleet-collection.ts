/** `GET /v1/positions`: GeoJSON, one point a driver. */
export interface FleetCollection {
  type: 'FeatureCollection';
  features: {
    type: 'Feature';
    id?: string | number;
    /** [lng, lat] */
    geometry: { type: 'Point'; coordinates: number[] };
    properties: Record<string, unknown>;
  }[];
}
