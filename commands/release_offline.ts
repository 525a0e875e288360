/** Releasing from quarantine where no daemon runs: next hops and their TLS as the configuration has them. */
import type { ReleaseOptions } from "../daemon/quarantine_release.ts";
import { deliverReleased } from "../daemon/release.ts";
import type { Config } from "../policy/config.ts";

/** What a release needs of the configuration. */
export function releasing(
  config: Config,
): Pick<ReleaseOptions, "deliver" | "ownAddresses"> & { readonly nextHop?: string } {
  const hostname = config.hostname ?? Deno.hostname();
  const { release } = config.quarantine;
  return {
    deliver: deliverReleased(async (nextHop) => {
      const agent = config.agents.filter((each) => each.agent === "smtp")
        .find((each) => each.nextHop === nextHop);
      if (agent === undefined) return { hostname };
      const { nextHopCa } = agent;
      return {
        hostname: agent.hostname ?? hostname,
        agent,
        ...(nextHopCa === undefined ? {} : { caPem: await Deno.readTextFile(nextHopCa) }),
      };
    }),
    ownAddresses: config.agents.map(({ listen }) => listen),
    ...(release === undefined ? {} : { nextHop: release }),
  };
}
