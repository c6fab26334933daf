/** Roles in this dialect's words: its rider is the passenger. */
export function roleName(role: string): string {
  return role === 'passenger' ? 'RIDER' : role.toUpperCase();
}
