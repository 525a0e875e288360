/**
 * The places where two mail programs read one message differently, by stable name (for policy, log and reports).
 * A new name is added here first; a name is never reused for something else.
 */
export const AMBIGUITIES = {
  "bare-cr": "A CR without LF: some readers take it for a line end, others for a character.",
  "mixed-line-ends": "CRLF and bare LF in one message: some readers take only CRLF for a line end.",
  "nul": "A NUL in header or boundary: some readers stop there, others drop or keep it.",
  "missing-blank-line": "A line in the header that is no field: some readers begin the body there.",
  "blank-fold": "A folded line of blanks only: some readers take it for the end of the header.",
  "leading-blank-line":
    "An empty line before a part's header: some readers skip it, others see no header.",
  "odd-field-name": "Comment, blank or control character in a field name.",
  "folded-parameter": "A parameter continues on a line without indent.",
  "duplicate-content-type": "More than one Content-Type field with different meaning.",
  "duplicate-transfer-encoding": "More than one Content-Transfer-Encoding with different meaning.",
  "duplicate-disposition": "More than one Content-Disposition field with different meaning.",
  "odd-content-type": "A Content-Type that does not follow the grammar.",
  "duplicate-boundary": "More than one boundary can be read from the header.",
  "missing-boundary": "A multipart whose boundary is not declared or never occurs.",
  "boundary-prefix": "A line that begins with the boundary but goes on.",
  "boundary-indented": "A boundary line that does not begin at the start of its line.",
  "boundary-in-header":
    "A boundary line inside a part's header: some readers look for it in bodies only.",
  "missing-close": "A multipart without closing delimiter.",
  "parts-after-close": "Delimiters after the closing delimiter.",
  "undeclared-multipart": "Parts inside a body that is not declared as multipart.",
  "encoded-multipart": "A multipart or message in base64 or quoted-printable.",
  "unknown-transfer-encoding": "A Content-Transfer-Encoding that is misspelt or unknown.",
  "malformed-base64": "Base64 that readers decode differently.",
  "undeclared-base64": "A body that is base64 although no field says so.",
  "malformed-quoted-printable": "Quoted-printable that readers decode differently.",
  "malformed-uuencode": "A uuencoded file that readers decode differently.",
  "malformed-yenc": "A yEnc file without its last line: readers differ where it ends.",
  "ambiguous-name": "A file name that readers decode differently.",
  "partial-message": "A piece of a message whose other pieces come in other mail.",
  "external-body": "The content lies elsewhere and is fetched by the reader.",
  "too-many-readings": "More readings than are followed.",
} as const;

/** A key of {@link AMBIGUITIES}. */
export type AmbiguityName = keyof typeof AMBIGUITIES;
