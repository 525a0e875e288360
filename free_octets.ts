/** Smaller ones are left to the collector: to free each would cost more than it weighs. */
const LARGE_OCTETS = 48 * 1024;

/**
 * Gives the memory of large octets back now. To the collector the largest buffer is one small object, for which it comes late:
 * a gateway that passes large mail on would hold many times what is in flight.
 *
 * @param octets Nobody's any more: every view of their buffer is empty from here on.
 */
export function freeOctets({ buffer }: Uint8Array): void {
  if (buffer.byteLength < LARGE_OCTETS || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}

/**
 * Octets with more room behind them, twice as much at least. Those that are given are freed.
 *
 * @param used How many of them are kept.
 * @param least How many there have to be room for.
 */
export function growOctets(octets: Uint8Array, used: number, least: number): Uint8Array {
  const grown = new Uint8Array(Math.max(least, octets.length * 2));
  grown.set(octets.subarray(0, used));
  freeOctets(octets);
  return grown;
}
