import { Injectable } from '@nestjs/common';
import { GoLiveWords } from './go-live-words.js';

/** The words about versions that have gone live. */
@Injectable()
export class GoLiveActivities {
  constructor(private readonly words: GoLiveWords) {}

  /** Says what is due about the champions of a model. @returns whether something is to be delivered */
  async sayGoLive(model: string): Promise<boolean> {
    const { said, ended } = await this.words.say(model, new Date());
    return said + ended > 0;
  }
}
