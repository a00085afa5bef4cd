import './without-telemetry.js';

/** ONNX Runtime; nothing else loads it, so that it is always told to keep silent first. */
export { InferenceSession, Tensor } from 'onnxruntime-node';
