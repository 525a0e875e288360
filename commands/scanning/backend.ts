/** Who scans for `postern scan`: the running daemon, or scanner processes of this command's own. */
import type { ScanSettings, Verdict } from "../../engine/types.ts";
import type { ControlClient } from "../../daemon/control/client.ts";
import { ScannerPool } from "../../daemon/pool.ts";

/** Scans objects; several at once. */
export interface Backend {
  /** Never rejects for what the object is. */
  scan(octets: Uint8Array, settings: ScanSettings): Promise<Verdict>;
  close(): Promise<void>;
}

/** Through the daemon's control socket. */
export function daemonBackend(client: ControlClient): Backend {
  return {
    async scan(octets, settings) {
      const { result } = await client.call("scan", settings, octets);
      return result as Verdict;
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}

/** With `processes` scanners started here. */
export async function standaloneBackend(processes: number): Promise<Backend> {
  const pool = await ScannerPool.start({ processes });
  return {
    scan: (octets, settings) => pool.scan(octets, settings),
    close: () => pool.close(),
  };
}
