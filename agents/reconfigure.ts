/**
 * Whether two configurations of an agent differ in nothing but what it can take over while it runs.
 *
 * @param changeable Names of those fields.
 */
export function differsOnlyIn(
  changeable: ReadonlySet<string>,
  before: object,
  after: object,
): boolean {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].every((key) =>
    changeable.has(key) ||
    JSON.stringify(Reflect.get(before, key)) === JSON.stringify(Reflect.get(after, key))
  );
}
