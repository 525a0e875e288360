import type { Config } from "./config.ts";

/** Hosts that are this machine whatever it is called. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/i;
/** Every address of this machine. */
const ANY = /^(?:\*|0\.0\.0\.0|\[?::\]?)$/;

/** Places of engines that are agents of this very configuration: a scan would ask itself for ever. */
export function ownEngines(config: Config): { readonly index: number; readonly agent: string }[] {
  const own = config.agents.filter(({ agent }) => agent === "clamd");
  return config.engines.flatMap((engine, index) => {
    if (engine.engine !== "clamd") return [];
    const asked = own.find(({ listen }) => isSame(engine.address, listen));
    return asked ? [{ index, agent: asked.name }] : [];
  });
}

function isSame(address: string, listen: string): boolean {
  if (address === listen) return true;
  if (address.startsWith("unix:") || listen.startsWith("unix:")) return false;
  const [host, port] = parted(address);
  const [ownHost, ownPort] = parted(listen);
  return port === ownPort && (ANY.test(ownHost) || LOOPBACK.test(host) && LOOPBACK.test(ownHost));
}

function parted(address: string): readonly [host: string, port: string] {
  const colon = address.lastIndexOf(":");
  return [address.slice(0, colon), address.slice(colon + 1)];
}
