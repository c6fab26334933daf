/** The rules that are configured. */
export interface Rules {
  /** km/h; 0 turns the teleport rule off [F5]. */
  readonly maxPlausibleSpeedKmh: number;
  /** Whether a delivery may leave out steps of its lifecycle [T1]. */
  readonly deliveriesMayJump: boolean;
}
