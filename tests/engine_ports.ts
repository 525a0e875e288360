import { FakePorts } from "../agents/smtp/testing/fake_ports.ts";
import { builtinModules } from "../engine/detect/modules.ts";
import { rewriteMessage } from "../engine/message/rewrite.ts";
import { scan } from "../engine/scan.ts";
import type { RewriteRequest, RewriteResult, ScanSettings, Verdict } from "../engine/types.ts";

/** Ports of an agent with the engine itself behind them, in this process. */
export class EnginePorts extends FakePorts {
  override scan(message: Uint8Array, settings: ScanSettings): Promise<Verdict> {
    return Promise.resolve(scan(message, settings, builtinModules()));
  }

  override rewrite(message: Uint8Array, request: RewriteRequest): Promise<RewriteResult> {
    return Promise.resolve(rewriteMessage(message, request));
  }
}
