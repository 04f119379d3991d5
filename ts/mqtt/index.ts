/** `fewbits/mqtt`: training across machines over any MQTT broker, in Node and in browsers. Needs the package mqtt. */
export * from '../runs/index.ts';
export { mqttBroker, type ConnectionOptions, type MqttOptions } from './connection.ts';
export { sizeOf, type Plan, type PlanOptions } from './plan.ts';
export { BrokerError, type Asked } from './refusals.ts';
