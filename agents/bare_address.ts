/** Addresses as programs and spool files hand them over. */

/** Longest address that is kept, characters; RFC 5321, 4.5.3.1.3 has 256 octets for a path. */
const MAX_ADDRESS = 1024;

/** An address with or without its brackets, as an envelope has it: without, the domain in lower case. */
export function bareAddress(address: string): string {
  const trimmed = address.trim();
  const inner = (/^<(.*)>$/.exec(trimmed)?.[1] ?? trimmed).slice(0, MAX_ADDRESS);
  const at = inner.lastIndexOf("@");
  return at < 0 ? inner : inner.slice(0, at + 1) + inner.slice(at + 1).toLowerCase();
}
