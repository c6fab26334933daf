/** One recorded position. What is not known is null. */
export interface TrackPoint {
  /** degrees, WGS 84 */
  lat: number;
  lng: number;
  /** epoch ms */
  at: number;
  /** km/h */
  speed: number | null;
  /** degrees from north */
  bearing: number | null;
  /** m */
  accuracy: number | null;
  /** m */
  altitude: number | null;
}

/** What one driver drove, in the order of the file. */
export interface Track {
  id: string;
  points: TrackPoint[];
}
