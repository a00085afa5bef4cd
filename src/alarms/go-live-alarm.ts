import type { AlarmNotice } from '../contracts/alarms.js';
import { goLiveAlarmKey, type GoLiveWay, goLiveSubject } from '../contracts/go-live.js';
import { isoTime } from '../contracts/time.js';
import type { GoLive } from '../registry/entities/go-live.entity.js';

const CAME: Readonly<Record<GoLiveWay, string>> = { first: 'the first version there', immediate: 'at once in the place of another', release: 'by a release step by step' };

/** That a version has gone live: the owner is to confirm it, or is told. */
export function goLiveAlarm(goLive: GoLive): AlarmNotice {
  const { model, deployment, version, epoch, specDigest, way, asks, owner, at } = goLive;
  const happened = `Version ${version} of ${model} answers in ${deployment} since ${isoTime(at.getTime())}, ${CAME[way]}.`;
  const where = deployment === 'default' ? '' : ` --deployment ${deployment}`;
  const asked = asks ? ` Its owner ${owner} confirms that it is live as approved, with \`perennial confirm-go-live ${model} ${version}${where} --reason …\`, or takes it back with \`perennial rollback ${model}\`.`
    : ` Its owner ${owner} has confirmed an earlier version of this low tier, so that nothing is to be done.`;
  return {
    kind: asks ? 'goLiveUnconfirmed' : 'wentLive', severity: asks ? 'warning' : 'info', model, deployment, subject: goLiveSubject(goLive), dedupKey: goLiveAlarmKey(goLive), test: false,
    summary: happened + asked, details: { version, epoch, spec: specDigest, way, owner, at: isoTime(at.getTime()) },
  };
}
