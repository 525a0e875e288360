import { print } from "./output.ts";
import { readRegular } from "./scanning/read.ts";
import type { ToolsConnection } from "./tools_connection.ts";

/**
 * What a mail server's helper works with: files that the server names, the daemon, and what it answers on stdout.
 *
 * @param maxSize Largest file, octets.
 */
export function helperWorld(tools: ToolsConnection, maxSize: number) {
  return {
    /** @throws {Error} for what cannot be read, is no regular file, or is larger. */
    async readFile(path: string): Promise<Uint8Array> {
      const octets = await readRegular(path, maxSize);
      if (octets === undefined) throw new Error("it is larger than --max-size");
      return octets;
    },
    process: async (...args: Parameters<ToolsConnection["process"]>) =>
      (await tools.process(...args)).answer,
    write: print,
  };
}
