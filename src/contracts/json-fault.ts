/** What is wrong with a text that is no JSON, without the piece of it that V8 quotes: it may be a value that nobody is to read. */
export const jsonFault = ({ message }: Error): string => message.replace(/, (?:\.{3})?"[^]*"(?:\.{3})? is not valid JSON$/, ' where JSON has none').slice(0, 200);
