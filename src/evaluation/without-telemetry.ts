/**
 * Since 1.29 ONNX Runtime reports its use, the names of models' producers among it, to its maker, and keeps an identity of
 * the machine and what it could not send below the user's cache, unless the environment forbids it before the library is
 * loaded. Nothing that Perennial does is to be told to anybody but its user.
 */
// eslint-disable-next-line no-restricted-properties -- it is written, not read
process.env.ORT_DISABLE_TELEMETRY = '1';
