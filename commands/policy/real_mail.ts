/** Facts of a real message: it is scanned as the gateway scans it, in processes of this command's own. */
import { PosternError } from "../../errors.ts";
import { ScannerPool } from "../../daemon/pool.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import type { Facts, Outcome } from "../../policy/types.ts";
import { scanSettings } from "../../policy/scan_settings.ts";
import { verdictFacts } from "../../policy/verdict_facts.ts";

/** Scans messages for their facts; scanners are started with the first and ended by {@link RealMail.close}. */
export class RealMail {
  #pool: ScannerPool | undefined;

  /**
   * Facts of a message file.
   *
   * @param path The message, as it would be received; bare LF is taken for CRLF's size.
   * @param outcome What the policy says before the content is known: its limits hold for the scan.
   */
  async facts(path: string, tree: DecisionTree, outcome: Outcome): Promise<Partial<Facts>> {
    let octets: Uint8Array;
    try {
      octets = await Deno.readFile(path);
    } catch (cause) {
      throw new PosternError("document/unreadable", `Cannot read the message ${path}`, { cause });
    }
    const settings = scanSettings([outcome], tree, "mail");
    if (settings === undefined) return { size: octets.length };
    this.#pool ??= await ScannerPool.start({ processes: 1 });
    const verdict = await this.#pool.scan(octets, settings);
    return { ...verdictFacts(verdict), size: octets.length };
  }

  /** Ends the scanners. */
  async close(): Promise<void> {
    await this.#pool?.close();
    this.#pool = undefined;
  }
}
