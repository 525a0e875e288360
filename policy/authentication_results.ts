/** What checks of a sender come to. Apart from the schemas, since every agent asks for it and none reads documents. */

/** Results of an SPF check: RFC 7208, section 2.6. */
export const SPF_RESULTS = [
  "pass",
  "fail",
  "softfail",
  "neutral",
  "none",
  "temperror",
  "permerror",
] as const;
/** Results of DKIM checks, the best of a message's signatures: RFC 8601, section 2.7.1. */
export const DKIM_RESULTS = [
  "pass",
  "fail",
  "neutral",
  "policy",
  "none",
  "temperror",
  "permerror",
] as const;
/** Results of a DMARC check: RFC 7489, section 11.2. */
export const DMARC_RESULTS = ["pass", "fail", "none", "temperror", "permerror"] as const;
