import { type Config, configSchema } from "./config.ts";
import { documentIssues, PolicyDocumentError } from "./document_error.ts";

/**
 * Checks the value of `postern.config.ts` and fills in its defaults.
 *
 * @param file Name of the file, for messages.
 * @throws {PolicyDocumentError} `"document/invalid"` with every issue.
 */
export function checkConfig(value: unknown, file: string): Config {
  const result = configSchema.safeParse(value);
  if (result.success) return result.data;
  throw new PolicyDocumentError(documentIssues(result.error.issues, configSchema, value), file);
}
