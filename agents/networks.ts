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
