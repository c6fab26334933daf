import { CLOSE_CODES } from '../../dialects/rideshare/ends.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../dialects/rideshare/messages.ts';
import type { Channel } from '../rest/reference/channel.ts';

const ride = { ride_id: { description: 'the ride', examples: ['ride-1'] } };
const { fix, ping } = CLIENT_MESSAGES;
const { connected_driver, connected_passenger, location_update, geofence_event, driver_status, pong, error, warning } = SERVER_MESSAGES;

/** The two sockets of a ride, for the AsyncAPI document. */
export const RIDESHARE_CHANNELS: readonly Channel[] = [
  {
    name: 'rideshare-driver',
    title: 'Ride-share apps: the driver of a ride',
    address: '/api/v1/tracking/ride/{ride_id}/driver',
    description: 'Bare fixes in, nothing out but what went wrong. A second socket for the same ride replaces the first.',
    parameters: ride,
    security: ['queryToken'],
    client: { fix, ping },
    server: { connected: connected_driver, warning, pong, error },
    closeCodes: CLOSE_CODES,
  },
  {
    name: 'rideshare-passenger',
    title: 'Ride-share apps: a passenger of a ride',
    address: '/api/v1/tracking/ride/{ride_id}/passenger',
    description: "Where the driver is, and what happens at the passenger's own stops.",
    parameters: ride,
    security: ['queryToken'],
    client: { ping },
    server: { connected: connected_passenger, location_update, geofence_event, driver_status, pong, error },
    closeCodes: CLOSE_CODES,
  },
];
