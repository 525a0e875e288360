import { type Config, configSchema } from "./config.ts";
import { documentIssues, PolicyDocumentError } from "./document_error.ts";
import { ownEngines } from "./own_engines.ts";

/**
 * Checks the value of `postern.config.ts` and fills in its defaults.
 *
 * @param file Name of the file, for messages.
 * @throws {PolicyDocumentError} `"document/invalid"` with every issue.
 */
export function checkConfig(value: unknown, file: string): Config {
  const result = configSchema.safeParse(value);
  if (result.success) {
    const own = ownEngines(result.data);
    if (own.length === 0) return result.data;
    throw new PolicyDocumentError(
      own.map(({ index, agent }) => ({
        path: `engines[${index}].address`,
        message: `names this gateway's own agent ${
          JSON.stringify(agent)
        }: each scan would ask for another one`,
      })),
      file,
    );
  }
  throw new PolicyDocumentError(documentIssues(result.error.issues, configSchema, value), file);
}
