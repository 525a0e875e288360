/** Who scans for `postern scan`: the running daemon, or scanner processes of this command's own. */
import type { ScanSettings, Verdict } from "../../engine/types.ts";
import type { ControlClient } from "../../daemon/control/client.ts";
import { ScannerPool } from "../../daemon/pool.ts";
import { readSignatureSet, type SignatureSet } from "../../daemon/signatures.ts";
import { complain, visible } from "../output.ts";

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

/**
 * With `processes` scanners started here.
 *
 * @param signatures Sources, or one directory of modules.
 * @throws {PosternError} `"module/…"` where these cannot be used; `"scan/failed"` where no scanner can be started.
 */
export async function standaloneBackend(
  processes: number,
  signatures: readonly string[] = [],
): Promise<Backend> {
  const { set, remove } = await signatureSet(signatures);
  try {
    const pool = await ScannerPool.start({
      processes,
      spare: false, // few files wait, and each process takes time to start
      ...(set ? { signatures: set } : {}),
    });
    return {
      scan: (octets, settings) => pool.scan(octets, settings),
      close: async () => {
        await pool.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Modules as they are, or built of sources into a directory that is gone afterwards. */
async function signatureSet(
  paths: readonly string[],
): Promise<{ readonly set?: SignatureSet; remove(): Promise<void> }> {
  const remove = () => Promise.resolve();
  const [first] = paths;
  if (first === undefined) return { remove };
  const found = paths.length === 1 ? await readSignatureSet(first) : undefined;
  if (found) return { set: found, remove };
  const directory = await Deno.makeTempDir({ prefix: "postern-signatures-" });
  const removeDirectory = () => Deno.remove(directory, { recursive: true }).catch(() => {});
  try {
    // Scanners run as another user where this one is root.
    await Deno.chmod(directory, 0o755);
    const { buildSignatures } = await import("../../daemon/signature_build.ts");
    const { set, reports } = await buildSignatures(paths, directory);
    for (const { file, unused } of reports) {
      for (const { why, count } of unused) {
        complain(visible(`postern: ${file}: ${count} not used: ${why}`));
      }
    }
    return { set, remove: removeDirectory };
  } catch (error) {
    await removeDirectory();
    throw error;
  }
}
