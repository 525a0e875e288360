import type { Envelope } from "../policy/types.ts";

/**
 * What an envelope says of the client: what is not known stands nowhere.
 *
 * @param client Whom the server has heard of: address, name, and what it said of itself.
 */
export function clientEnvelope(
  { address, name, helo, login }: {
    readonly address?: string;
    readonly name?: string;
    readonly helo?: string;
    readonly login?: string;
  },
): Pick<Envelope, "client" | "clientName" | "helo" | "user"> {
  return {
    ...(address === undefined ? {} : { client: address }),
    ...(name === undefined ? {} : { clientName: name }),
    ...(helo === undefined ? {} : { helo }),
    ...(login === undefined ? {} : { user: login }),
  };
}
