/** Where the gateway is, and the key of whoever asks it. */
export interface GatewayCaller {
  readonly gatewayUrl: string;
  readonly apiKey: string;
}

/** Asks the gateway about a model, for a prediction where there is a body. @param path below the model, such as `infer` */
export const askGateway = ({ gatewayUrl, apiKey }: GatewayCaller, model: string, path: string, body?: string): Promise<Response> =>
  fetch(`${gatewayUrl}/v2/models/${model}/${path}`, { method: body === undefined ? 'GET' : 'POST', headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }, ...(body !== undefined && { body }) });
