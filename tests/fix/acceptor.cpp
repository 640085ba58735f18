// A FIX 4.4 acceptor on the QuickFIX library: its session layer, its message store, its log and its data dictionary
// judge riskd; what the venue says beyond that is told to it line by line.
//
//   acceptor PORT DICTIONARY DIRECTORY
//
// Lines on stdin (fields of a message are separated by SOH):
//   send FIELDS                a message, 35=... first; 34, 43 and 122 given in it replace what the session would put there
//   sender N | target N        the next number of this side, or the one expected of the other
//   refuse logon TEXT          logons are refused with this text; `refuse logon` alone takes them again
//   refuse business TYPE       the next message of the type gets a business reject (35=j) from QuickFIX
//   refuse session TYPE TAG    the next message of the type gets a session reject (35=3) from QuickFIX for this tag
//   disconnect                 end the connection at once, without a logout
//   logout TEXT                end it as the standard says; `logon` lets the other side in again
//   numbers                    answered by `numbers SENDER TARGET`
//
// Lines on stdout: `ready`, `up`, `down`, `in FIELDS` (every message taken), `numbers ...`, `error TEXT`.

#include <quickfix/Application.h>
#include <quickfix/FileLog.h>
#include <quickfix/FileStore.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>

#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

namespace {

std::mutex speaking;

void say(const std::string& line) {
  std::lock_guard<std::mutex> guard(speaking);
  std::cout << line << std::endl;
}

class Venue : public FIX::Application {
 public:
  void onCreate(const FIX::SessionID&) override {}
  void onLogon(const FIX::SessionID&) override { say("up"); }
  void onLogout(const FIX::SessionID&) override { say("down"); }
  void toAdmin(FIX::Message&, const FIX::SessionID&) override {}

  void toApp(FIX::Message& message, const FIX::SessionID&) throw(FIX::DoNotSend) override {
    // A resend passes here too, on the other thread; only what `send` put here is changed.
    std::lock_guard<std::mutex> guard(mutex_);
    for (const auto& field : instead_) message.getHeader().setField(field.first, field.second);
    instead_.clear();
  }

  void fromAdmin(const FIX::Message& message, const FIX::SessionID&) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) override {
    say("in " + message.toString());
    std::lock_guard<std::mutex> guard(mutex_);
    if (!no_logon_.empty() && type(message) == "A") throw FIX::RejectLogon(no_logon_);
  }

  void fromApp(const FIX::Message& message, const FIX::SessionID&) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) override {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      const std::string kind = type(message);
      if (kind == business_) {
        business_.clear();
        throw FIX::UnsupportedMessageType();
      }
      if (kind == session_) {
        session_.clear();
        throw FIX::IncorrectTagValue(tag_);
      }
    }
    say("in " + message.toString());
  }

  void instead(std::map<int, std::string> fields) {
    std::lock_guard<std::mutex> guard(mutex_);
    instead_ = std::move(fields);
  }

  void refuse(std::istream& words) {
    std::lock_guard<std::mutex> guard(mutex_);
    std::string what;
    words >> what;
    if (what == "logon") {
      no_logon_.clear();
      std::getline(words >> std::ws, no_logon_);
    } else if (what == "business") {
      words >> business_;
    } else if (what == "session") {
      words >> session_ >> tag_;
    } else {
      throw std::runtime_error("refuse what: " + what);
    }
  }

 private:
  static std::string type(const FIX::Message& message) {
    FIX::MsgType type;
    message.getHeader().getField(type);
    return type.getValue();
  }

  std::mutex mutex_;
  std::map<int, std::string> instead_;
  std::string no_logon_, business_, session_;
  int tag_ = 0;
};

FIX::SessionSettings settings(const std::string& port, const std::string& dictionary, const std::string& directory) {
  std::stringstream text;
  text << "[DEFAULT]\nConnectionType=acceptor\nStartTime=00:00:00\nEndTime=00:00:00\nNonStopSession=Y\n"
       << "UseDataDictionary=Y\nDataDictionary=" << dictionary << "\nValidateUserDefinedFields=Y\n"
       << "ValidateFieldsOutOfOrder=Y\nValidateFieldsHaveValues=Y\nValidateUnorderedGroupFields=Y\n"
       << "CheckLatency=Y\nMaxLatency=120\nResetOnLogon=N\nResetOnLogout=N\nResetOnDisconnect=N\n"
       << "FileStorePath=" << directory << "/store\nFileLogPath=" << directory << "/log\n"
       << "SocketAcceptPort=" << port << "\nSocketReuseAddress=Y\nSocketNodelay=Y\n"
       << "[SESSION]\nBeginString=FIX.4.4\nSenderCompID=SIMVENUE\nTargetCompID=RISKD\n";
  return FIX::SessionSettings(text);
}

// The message of a line, and the header fields that the session must not choose.
FIX::Message message(const std::string& fields, const FIX::DataDictionary& dictionary,
                     std::map<int, std::string>& instead) {
  std::stringstream parts(fields), kept;
  std::string part;
  while (std::getline(parts, part, '\001')) {
    const int tag = std::stoi(part.substr(0, part.find('=')));
    if (tag == 34 || tag == 43 || tag == 122) {
      instead[tag] = part.substr(part.find('=') + 1);
    } else {
      kept << part << '\001';
    }
  }
  return FIX::Message("8=FIX.4.4\0019=0\001" + kept.str() + "10=000\001", dictionary, false);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "usage: acceptor PORT DICTIONARY DIRECTORY" << std::endl;
    return 2;
  }
  const FIX::SessionSettings configuration = settings(argv[1], argv[2], argv[3]);
  const FIX::DataDictionary dictionary(argv[2]);
  const FIX::SessionID id("FIX.4.4", "SIMVENUE", "RISKD");
  Venue venue;
  FIX::FileStoreFactory store(configuration);
  FIX::FileLogFactory log(configuration);
  FIX::SocketAcceptor acceptor(venue, store, configuration, log);
  acceptor.start();
  say("ready");
  FIX::Session& session = *FIX::Session::lookupSession(id);
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::stringstream words(line);
      std::string command;
      words >> command;
      if (command == "send") {
        std::map<int, std::string> instead;
        FIX::Message told = message(line.substr(5), dictionary, instead);
        const int next = session.getExpectedSenderNum();
        const bool renumbered = instead.count(34) > 0;
        venue.instead(instead);
        FIX::Session::sendToTarget(told, id);
        // A message under another number takes none of its own.
        if (renumbered) session.setNextSenderMsgSeqNum(next);
      } else if (command == "sender" || command == "target") {
        int number = 0;
        words >> number;
        if (command == "sender") session.setNextSenderMsgSeqNum(number);
        else session.setNextTargetMsgSeqNum(number);
      } else if (command == "refuse") {
        venue.refuse(words);
      } else if (command == "disconnect") {
        session.disconnect();
      } else if (command == "logout") {
        std::string why;
        std::getline(words >> std::ws, why);
        session.logout(why);
      } else if (command == "logon") {
        session.logon();
      } else if (command == "numbers") {
        say("numbers " + std::to_string(session.getExpectedSenderNum()) + " " +
            std::to_string(session.getExpectedTargetNum()));
      } else {
        throw std::runtime_error("no such command");
      }
    } catch (const std::exception& fault) {
      say("error " + std::string(fault.what()) + ": " + line);
    }
  }
  acceptor.stop(true);
  return 0;
} catch (const std::exception& fault) {
  std::cerr << "acceptor: " << fault.what() << std::endl;
  return 1;
}
