/** Readable by nobody who stays inside; a test puts it beside the state folder. */
export const SECRET = 'only-who-left-the-folder-read-this';

/**
 * What callers send who want in: quotes and comments of SQL, ways out of a folder, bytes that C strings end at or that are no UTF-8, lines that end a header or an entry, templates, and names that a
 * language gives a meaning. @param secretFile outside of every folder of the installation
 */
export const hostileStrings = (secretFile: string): Readonly<Record<string, string>> => ({
  quote: "'", doubleQuote: '"', backslash: '\\', dollar: '$$', semicolon: "x'; DROP TABLE model; --", always: "' OR '1'='1", union: "x' UNION SELECT canonical FROM model_spec --",
  copy: `x'; COPY model TO '${secretFile}.copied'; --`, duckdb: `x' UNION ALL SELECT content FROM read_text('${secretFile}') --`, identifier: 'x" ; DROP TABLE model; --', comment: '/*', parameter: '$1', like: '%', json: '{"$gt":""}',
  climb: '../../../../../../etc/passwd', climbEscaped: '%2e%2e%2f%2e%2e%2fetc%2fpasswd', climbTwice: '%252e%252e%252fetc%252fpasswd', climbBackwards: '..\\..\\..\\etc\\passwd', dots: '..', absolute: secretFile, url: `file://${secretFile}`,
  nul: 'a\u0000b', nulEnding: 'flight-delay\u0000.json', overlong: '\u00c0\u00ae\u00c0\u00ae/', surrogate: 'a\ud800b', bell: '\u0007', line: 'a\r\nSet-Cookie: x=1\r\n\r\nb', newline: 'a\nb', separator: 'a\u2028b', reversed: '\u202egnp', byteOrder: '\ufeffx',
  combined: `a${'\u0301'.repeat(200)}`, long: 'x'.repeat(100_000), longNumber: '9'.repeat(400), empty: '', blank: ' ', template: `\${process.env.PATH}`, mustache: '{{constructor.constructor("return process")()}}', format: '%s%n%x', markup: '<script>alert(1)</script>',
  formula: '=HYPERLINK("https://evil")', shell: '$(touch /tmp/perennial-escaped)', prototype: '__proto__', constructor: 'constructor', notANumber: 'NaN', infinite: '-Infinity', year: '+275760-09-13T00:00:00.001Z', star: '*',
});

/** What stands where a string belongs, and where a number does, as JSON. */
export const CONFUSED: Readonly<Record<string, string>> = {
  null: 'null', true: 'true', list: '[]', deep: `${'['.repeat(60)}${']'.repeat(60)}`, object: '{}', prototype: '{"__proto__":{"admin":true}}', constructor: '{"constructor":{"prototype":{"admin":true}}}', getter: '{"toString":1,"then":1}', listOfText: '["x","y"]',
  negativeZero: '-0', minus: '-1', half: '0.5', huge: '1e308', beyond: '1e999', whole: '9007199254740993', beyondLong: '18446744073709551616', digits: '1'.repeat(400), text: '"1"', tiny: '5e-324',
};

/** What no caller may ever read: the words of databases and runtimes, and what lies elsewhere. */
export const INSIDE = new RegExp([
  'QueryFailedError', 'syntax error at or near', 'relation "', 'column "[^"]*" does not exist', 'duplicate key value', 'violates \\w+(-\\w+)? constraint', 'invalid input syntax', 'invalid byte sequence', 'unterminated quoted string', 'permission denied for',
  'out of range for type', 'SQLSTATE', '(Catalog|Binder|Parser|Conversion|Invalid Input|IO) Error:', 'node_modules', '\\n\\s+at .+:\\d+:\\d+', 'TypeError', 'RangeError', 'Cannot (read|set) propert', 'is not a function', 'root:x?:0:', SECRET,
].join('|'));
