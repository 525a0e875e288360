/** Networks of a configuration. */
import ipaddr from "ipaddr.js";

/** Whether an address is in one of the networks (addresses or CIDR). */
export function inNetworks(address: string, networks: readonly string[]): boolean {
  if (networks.length === 0 || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return networks.some((network) => {
    try {
      const [base, bits] = network.includes("/")
        ? ipaddr.parseCIDR(network)
        : [ipaddr.process(network), ipaddr.process(network).kind() === "ipv4" ? 32 : 128] as const;
      return base.kind() === parsed.kind() && parsed.match(base, bits);
    } catch {
      return false; // not a network: authorises nobody
    }
  });
}

/**
 * Each address of an IPv6 network, for what can be told of single addresses alone.
 *
 * @param network `2001:db8::10/124`, any of its addresses before the slash.
 * @param max More than so many is an error.
 * @throws {RangeError} where it is no IPv6 network, or too large.
 */
export function addressesOf(network: string, max: number): string[] {
  const [base, bits] = ipaddr.parseCIDR(network);
  const count = 2 ** (128 - bits);
  if (base.kind() !== "ipv6" || count > max) {
    throw new RangeError(`${network} is no IPv6 network of at most ${max} addresses`);
  }
  const octets = base.toByteArray();
  const low = octets.slice(-4).reduce((value, octet) => value * 256 + octet, 0);
  const first = low - low % count;
  return Array.from({ length: count }, (_, index) => {
    const value = first + index;
    octets.splice(-4, 4, value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255);
    return ipaddr.fromByteArray(octets).toString();
  });
}
