/** From the configuration to what store and scanner pool are started with. */
import type { Config } from "../policy/config.ts";
import type { Store, StoreLimits } from "../store/types.ts";
import type { ScannerPoolOptions } from "./pool.ts";
import { sizeOf, timeOf } from "./reading.ts";
import type { SignatureSet } from "./signatures.ts";
import type { Report } from "./status.ts";

/** What the store may keep. */
export function storeLimits(config: Config): StoreLimits {
  return {
    quarantineOctets: sizeOf(config.quarantine.size),
    messageKeepMs: timeOf(config.messageLog.keep),
    messageEntries: config.messageLog.entries,
  };
}

/** How scanners are started; `scanWorker` is a test double. */
export function poolOptions(
  { scanners, user }: Config,
  signatures: SignatureSet | undefined,
  store: Store,
  report: Report,
  { scanWorker }: { readonly scanWorker?: URL },
): ScannerPoolOptions {
  return {
    ...(scanners.processes === undefined ? {} : { processes: scanners.processes }),
    memoryOctets: sizeOf(scanners.memory),
    queue: scanners.queue,
    queueTimeMs: timeOf(scanners.queueTime),
    poisonMemoryMs: timeOf(scanners.poisonMemory),
    poison: store,
    ...(signatures ? { signatures } : {}),
    user,
    report,
    ...(scanWorker ? { worker: scanWorker } : {}),
  };
}
